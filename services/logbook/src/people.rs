//! What is known of the people who write, and of the investigations that they write about.

use std::collections::HashMap;
use std::collections::hash_map::Entry as Known;

use actix_web::http::header::{AUTHORIZATION, ETAG, HeaderValue};
use actix_web::{HttpRequest, HttpResponse};
use identity::Caller;
use serde_json::{Value, json};
use service_kit::Problem;

use crate::domain::book::Book;
use crate::domain::event::Event;
use crate::domain::filter::{Filter, Order, Page};
use crate::entries::in_turn;
use crate::state::State;
use crate::store::entries::{self, Scope};

/// The login name without its mechanism.
pub fn short(user_name: &str) -> &str {
    user_name.split_once('/').map_or(user_name, |(_, name)| name)
}

/// The credential of a header, where a route looks for it itself.
pub fn header(request: &HttpRequest) -> Option<String> {
    let text = |name: &str| request.headers().get(name)?.to_str().ok();
    if let Some((scheme, credential)) = text(AUTHORIZATION.as_str()).and_then(|value| value.split_once(' ')) {
        return scheme.eq_ignore_ascii_case("bearer").then(|| credential.trim().to_owned());
    }
    text("x-api-key").map(str::to_owned)
}

/// `ETag: "3"`: the version, for `If-Match`.
pub fn tag(answer: &mut HttpResponse, version: i64) {
    if let Ok(value) = HeaderValue::from_str(&format!("\"{version}\"")) {
        answer.headers_mut().insert(ETAG, value);
    }
}

/// Whoever writes is the author, whatever the body says.
pub async fn sign(state: &State, caller: &Caller, event: &mut Event) {
    let user = &caller.subject().icat_user_name;
    event.username = Some(short(user).to_owned());
    let query = "SELECT u.fullName FROM User u WHERE u.name = :user";
    event.full_name = ask(state, caller, query).await.first().and_then(Value::as_str).map(str::to_owned);
}

/// The names of an investigation and its instrument, as far as the writer may read them.
pub async fn place(state: &State, caller: &Caller, event: &mut Event, investigation: Option<i64>) {
    event.investigation_id = investigation;
    let Some(id) = investigation else {
        // What is for everybody waits for no investigation.
        if Book::of(None, event.instrument_name.as_deref()) == Book::Facility {
            event.investigation_name = None;
        }
        return;
    };
    let name = format!("SELECT i.name FROM Investigation i WHERE i.id = {id}");
    let instrument = format!(
        "SELECT ii.instrument.name FROM InvestigationInstrument ii WHERE ii.investigation.id = {id} ORDER BY ii.id LIMIT 0, 1"
    );
    let text = |rows: Vec<Value>| rows.first().and_then(Value::as_str).map(str::to_owned);
    event.investigation_name = text(ask(state, caller, &name).await).or(event.investigation_name.take());
    event.instrument_name = text(ask(state, caller, &instrument).await).or(event.instrument_name.take());
}

/// Title, name, instrument and dates of investigations, in the form of statistics.
pub async fn investigations(state: &State, caller: &Caller, ids: &[i64]) -> HashMap<i64, Value> {
    let mut known = HashMap::new();
    for ids in ids.chunks(100) {
        let list: Vec<String> = ids.iter().map(ToString::to_string).collect();
        let query = format!(
            "SELECT i.id, i.name, i.title, i.startDate, i.endDate FROM Investigation i WHERE i.id IN ({})",
            list.join(", ")
        );
        for row in ask(state, caller, &query).await {
            let Some(id) = row[0].as_i64() else { continue };
            let all = json!({"name": row[1], "title": row[2], "startDate": row[3], "endDate": row[4]});
            known.insert(id, all);
        }
    }
    known
}

/// Gives entries of investigations that name no instrument the one that ICAT knows; how many.
pub async fn fill_instruments(state: &State, caller: &Caller) -> Result<i64, Problem> {
    const PAGE: i64 = 500;
    let filter = Filter::default();
    let mut instruments: HashMap<i64, Option<String>> = HashMap::new();
    let (mut updated, mut skip) = (0, 0);
    loop {
        let page = Page { by: Order::Id, descending: false, skip, limit: Some(PAGE) };
        let found = entries::list(&mut state.db.read().await?, &Scope::Everything, &filter, page).await?;
        skip += PAGE;
        for entry in &found {
            let (Some(investigation), None) = (entry.event.investigation_id, &entry.event.instrument_name) else {
                continue;
            };
            let instrument = match instruments.entry(investigation) {
                Known::Occupied(known) => known.into_mut(),
                Known::Vacant(unknown) => {
                    let mut event = Event::attachment(0);
                    place(state, caller, &mut event, Some(investigation)).await;
                    unknown.insert(event.instrument_name)
                }
            };
            let Some(name) = instrument else { continue };
            let only = Filter { ids: Some(vec![entry.id.clone()]), ..Filter::default() };
            let instrument = Book::of(None, Some(name));
            let changed = in_turn(state, &Scope::Everything, &only, Some(&instrument), async |tx| {
                let Some(mut entry) = entries::get(tx, &entry.id).await? else { return Ok(false) };
                if entry.event.instrument_name.is_some() {
                    return Ok(false);
                }
                entry.event.instrument_name = Some(name.clone());
                entries::change(tx, &entry).await?;
                Ok(true)
            });
            updated += i64::from(changed.await?);
        }
        if found.len() < usize::try_from(PAGE).unwrap_or(usize::MAX) {
            return Ok(updated);
        }
    }
}

/// What ICAT answers to the caller; nothing if it does not answer, because entries are written all the same.
pub async fn ask(state: &State, caller: &Caller, query: &str) -> Vec<Value> {
    let Some(session) = caller.session() else { return Vec::new() };
    match state.identity.icat().search(session.expose(), query).await {
        Ok(rows) => rows,
        Err(e) => {
            tracing::warn!(error = %e, "ICAT does not say who writes or about what");
            Vec::new()
        }
    }
}
