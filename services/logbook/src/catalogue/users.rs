//! What is known of the people who write, and of the investigations that they write about.

use std::collections::HashMap;

use actix_web::HttpResponse;
use actix_web::http::header::{ETAG, HeaderValue};
use identity::Caller;
use serde_json::{Value, json};
use service_kit::Problem;

use crate::domain::entry_content::Event;
use crate::domain::logbook::Book;
use crate::state::State;
use crate::store::entries::Entry;

/// The login name without its mechanism.
pub fn short(user_name: &str) -> &str {
    user_name.split_once('/').map_or(user_name, |(_, name)| name)
}

/// The entry's `ETag`, for `If-Match`.
pub fn set_entity_tag(answer: &mut HttpResponse, entry: &Entry) -> Result<(), Problem> {
    let value = HeaderValue::from_str(&entry.entity_tag()?).map_err(Problem::internal)?;
    answer.headers_mut().insert(ETAG, value);
    Ok(())
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
    event.investigation_name = first_text(&ask(state, caller, &name).await).or(event.investigation_name.take());
    event.instrument_name = find_instrument_of(state, caller, id).await.or(event.instrument_name.take());
}

/// The name of the first instrument that an investigation has in the catalogue.
pub async fn find_instrument_of(state: &State, caller: &Caller, investigation: i64) -> Option<String> {
    let query = format!(
        "SELECT ii.instrument.name FROM InvestigationInstrument ii WHERE ii.investigation.id = {investigation} \
         ORDER BY ii.id LIMIT 0, 1"
    );
    first_text(&ask(state, caller, &query).await)
}

fn first_text(rows: &[Value]) -> Option<String> {
    rows.first().and_then(Value::as_str).map(str::to_owned)
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

/// What ICAT answers to the caller; nothing if it does not answer, because entries are written all the same.
pub async fn ask(state: &State, caller: &Caller, query: &str) -> Vec<Value> {
    let Some(session) = caller.session() else { return Vec::new() };
    match state.identity.icat().search_rows(session.expose(), query).await {
        Ok(rows) => rows,
        Err(e) => {
            tracing::warn!(error = %e, "ICAT does not say who writes or about what");
            Vec::new()
        }
    }
}
