//! `GET /logbook/app/{level}/{id}`: one logbook.

use std::collections::HashMap;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use identity::{Caller, Identity};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use minijinja::context;
use minijinja::value::Serde;
use serde::{Deserialize, Serialize};
use service_kit::fulltext::FulltextQuery;
use service_kit::{Code, DbError, Problem, Tx};

use crate::catalogue::{permissions, users};
use crate::domain::dates::{day, day_of};
use crate::domain::filter::{Filter, Order, Page, Parameters};
use crate::export::Format;
use crate::state::State;
use crate::store::attachments::Attachment;
use crate::store::entries::{Entry, Scope, get as entry_of, list, list_after};
use crate::store::search::Reach;
use crate::store::{attachments, logbooks, search, tags};
use crate::web::entry_view::{DATE, View};
use crate::web::logbook_path::Level;
use crate::web::login;
use crate::web::session_cookie::visitor;
use crate::web::templates::page;
use crate::{entries, stream};

/// Entries of a page.
const ENTRIES: i64 = 50;

const KINDS: [(&str, &str); 7] = [
    ("", "Everything"),
    ("annotation", "Comments"),
    ("notification-error", "Errors"),
    ("notification-info", "Information"),
    ("notification-commandline", "Commands"),
    ("attachment", "Files"),
    ("broadcast", "Machine"),
];

/// Where the page goes on.
#[derive(Deserialize)]
pub struct Place {
    /// The last entry of the page before.
    after: Option<String>,
    /// `true`: what was removed, in place of what is there.
    removed: Option<String>,
}

pub async fn get(
    state: web::Data<State>,
    identity: web::Data<Identity>,
    request: HttpRequest,
    path: web::Path<(String, String)>,
    query: web::Query<Parameters>,
    place: web::Query<Place>,
) -> Result<HttpResponse, Problem> {
    let Some(caller) = visitor(&request, &identity).await? else { return login::form(&state, &request).await };
    let level = Level::parse(&path.0, &path.1)?;
    permissions::read(&state, &caller, &level.book).await?;
    let asked = query.search.as_deref().and_then(FulltextQuery::parse);
    // What was removed is for whoever could restore it.
    let shows_removed = place.removed.as_deref() == Some("true");
    if shows_removed {
        permissions::history(&state, &caller, &level.book).await?;
    }
    let filter = Filter { search: None, removed: Some(shows_removed), ..query.filter(&state.zone)? };
    // Before the list is read: what is written meanwhile comes live.
    let record = stream::head(&state, &level.book).await?;
    let mut tx = state.db.read().await?;
    let scope = entries::scope(&mut tx, &level.book).await?;
    let mut found = match &asked {
        Some(asked) => {
            let before = place.after.as_deref().and_then(|seq| seq.parse().ok());
            search::find(&mut tx, &reach(&scope), asked, &filter, before, ENTRIES + 1).await?
        }
        None => page_of(&mut tx, &scope, &filter, place.after.as_deref()).await?,
    };
    let has_more = found.len() > usize::try_from(ENTRIES).unwrap_or(usize::MAX);
    if has_more {
        found.pop();
    }
    let last = found.last().filter(|_| has_more);
    let next = last.map(|entry| if asked.is_some() { entry.seq.to_string() } else { entry.id.clone() });
    let (earlier_day, later_day) = match &asked {
        Some(_) => (None, None),
        None => days(&state, &mut tx, &scope, &filter, found.first(), found.last()).await?,
    };
    let known_tags = tags::list(&mut tx, &tags::scope(&level.book), "global").await?;
    let views = views(&state, &mut tx, &found, asked.as_ref()).await?;
    drop(tx);
    let mut narrowing = narrowing(&query);
    let is_narrowed = !narrowing.is_empty();
    if shows_removed {
        narrowing.push_str("&removed=true");
    }
    let writing = permissions::write(&state, &caller, &level.book).await;
    let values = context! {
        site => state.site.as_str(),
        user => users::short(&caller.subject().icat_user_name),
        book => level.shown(&state, &caller).await,
        may_write => writing.is_ok(),
        why_not => writing.err().map(|e| why_not(&e)),
        entries => views,
        is_live => !is_narrowed && !shows_removed && place.after.is_none(),
        shows_removed,
        is_narrowed,
        record,
        kept => self::narrowing(&Parameters { date: None, ..Parameters::clone(&query) }),
        narrowing => &narrowing,
        more => next.map(|last| format!("after={last}{narrowing}")),
        asked => context! { search => query.search.as_deref(), types => query.types.as_deref(), tags => query.tags.as_deref(), date => query.date.as_deref() },
        kinds => KINDS,
        known_tags => known_tags.into_iter().map(|tag| tag.name).collect::<Vec<_>>(),
        formats => Format::ALL.map(Format::name),
        earlier_day => earlier_day.map(Serde),
        later_day => later_day.map(Serde),
    };
    page(StatusCode::OK, "book.html", values)
}

fn why_not(e: &Problem) -> String {
    match e.code {
        Code::Validation => {
            "This logbook is closed: its investigation is released, and it can be read only.".to_owned()
        }
        Code::Forbidden => "You may read this logbook, not write it.".to_owned(),
        _ => format!("Nothing can be written now: {}.", e.detail),
    }
}

fn reach(scope: &Scope) -> Reach {
    match scope {
        Scope::Book(id) => Reach::Books(vec![*id]),
        Scope::Instrument(name) => Reach::Instrument(name.clone()),
        Scope::Everything => Reach::Everything,
    }
}

/// Newest first by the time that an entry has, after one of them.
async fn page_of(tx: &mut Tx, scope: &Scope, filter: &Filter, after: Option<&str>) -> Result<Vec<Entry>, Problem> {
    let page = Page { by: Order::CreationDate, descending: true, skip: 0, limit: Some(ENTRIES + 1) };
    let last = match after {
        Some(id) => entry_of(tx, id).await?,
        None => None,
    };
    Ok(list_after(tx, scope, filter, page, last.as_ref()).await?)
}

/// A day that is led to.
#[derive(Serialize)]
struct Day {
    /// As it stands in an address.
    day: String,
    /// As people read it.
    date: String,
}

impl Day {
    fn of(at: i64, zone: &TimeZone) -> Self {
        let local = zone.to_datetime(Timestamp::from_microsecond(at).unwrap_or_default());
        Self { day: day_of(at, zone), date: local.strftime(DATE).to_string() }
    }
}

/// The nearest days with entries before and after what is shown.
async fn days(
    state: &State,
    tx: &mut Tx,
    scope: &Scope,
    filter: &Filter,
    first: Option<&Entry>,
    last: Option<&Entry>,
) -> Result<(Option<Day>, Option<Day>), Problem> {
    let bounds = |entry: &Entry| day("date", &day_of(entry.event.at, &state.zone), &state.zone);
    let start = filter.from.or(last.map(bounds).transpose()?.map(|(from, _)| from));
    let end = filter.before.or(first.map(bounds).transpose()?.map(|(_, before)| before));
    let (Some(start), Some(end)) = (start, end) else { return Ok((None, None)) };
    let one = |descending| Page { by: Order::CreationDate, descending, skip: 0, limit: Some(1) };
    let before = Filter { from: None, before: Some(start), ..filter.clone() };
    let after = Filter { from: Some(end), before: None, ..filter.clone() };
    let of = |found: Vec<Entry>| found.first().map(|entry| Day::of(entry.event.at, &state.zone));
    Ok((of(list(tx, scope, &before, one(true)).await?), of(list(tx, scope, &after, one(false)).await?)))
}

/// As templates show them.
pub async fn views(
    state: &State,
    tx: &mut Tx,
    found: &[Entry],
    asked: Option<&FulltextQuery>,
) -> Result<Vec<View>, Problem> {
    let ids: Vec<String> = found.iter().flat_map(|entry| entry.event.files.clone()).collect();
    let files: HashMap<String, Attachment> =
        if ids.is_empty() { HashMap::new() } else { attachments::by_ids(tx, &ids).await? };
    let names = logbooks::names(tx, &found.iter().map(|entry| entry.book_id).collect::<Vec<_>>()).await?;
    let bytes = found.iter().map(|entry| entry.event.written_bytes()).sum();
    let (found, asked, zone) = (found.to_vec(), asked.cloned(), state.zone.clone());
    let rendered = state.rendering.run(bytes, move || {
        let view = |entry: &Entry| {
            let book = names.get(&entry.book_id).map_or("", String::as_str);
            let view = View::of(entry, book, &files, &zone)?;
            Ok(match &asked {
                Some(asked) => view.found(asked, &entry.event),
                None => view,
            })
        };
        found.iter().map(view).collect::<Result<Vec<_>, DbError>>()
    });
    Ok(rendered.await??)
}

/// The filter as the rest of an address.
fn narrowing(query: &Parameters) -> String {
    let given = [("search", &query.search), ("types", &query.types), ("tags", &query.tags), ("date", &query.date)];
    let pair = |(name, value): (&str, &Option<String>)| {
        let value = value.as_deref().map(str::trim).filter(|value| !value.is_empty())?;
        Some(format!("&{name}={}", crate::markup::escape::percent_encode_segment(value)))
    };
    given.into_iter().filter_map(pair).collect()
}

/// Who may not even read is told so as a page.
pub async fn readable(state: &State, caller: &Caller, path: &(String, String)) -> Result<Level, Problem> {
    let level = Level::parse(&path.0, &path.1)?;
    permissions::read(state, caller, &level.book).await?;
    Ok(level)
}
