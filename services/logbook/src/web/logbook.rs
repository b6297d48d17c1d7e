//! `GET /logbook/app/{level}/{id}`: one logbook.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use jiff::tz::TimeZone;
use minijinja::context;
use minijinja::value::Serde;
use serde::{Deserialize, Serialize};
use service_kit::fulltext::FulltextQuery;
use service_kit::{Code, Micros, Problem};

use crate::catalogue::permissions::ReadableLogbook;
use crate::catalogue::users::short_user_name;
use crate::domain::dates::{parse_day, render_day};
use crate::domain::entry::Entry;
use crate::domain::filter::Filter;
use crate::domain::list_parameters::{FilterQuery, ListParameters};
use crate::entries::lists::EntryLists;
use crate::entries::search::{EntrySearch, SearchRequest};
use crate::export::format::Format;
use crate::markup::escape::percent_encode_segment;
use crate::stream::EntryStreams;
use crate::web::entry_view::DATE;
use crate::web::pages::Pages;
use crate::web::templates::render_page;

/// Entries of a page.
const PAGE_ENTRIES: i64 = 50;

const KINDS: [(&str, &str); 7] = [
    ("", "Everything"),
    ("annotation", "Comments"),
    ("notification-error", "Errors"),
    ("notification-info", "Information"),
    ("notification-commandline", "Commands"),
    ("attachment", "Files"),
    ("broadcast", "Machine"),
];

/// Which part of the logbook is shown.
#[derive(Deserialize)]
pub struct PageQuery {
    /// The last entry of the page before.
    after: Option<String>,
    /// `true`: removed entries instead of the present ones.
    removed: Option<String>,
}

/// The components of this page.
#[derive(Clone, Copy)]
struct Sources<'a> {
    lists: &'a EntryLists,
    search: &'a EntrySearch,
}

/// The entries of a page.
struct EntryPage {
    entries: Vec<Entry>,
    /// Where the next page begins.
    next: Option<String>,
    earlier_day: Option<Day>,
    later_day: Option<Day>,
}

pub async fn show_logbook(
    pages: web::Data<Pages>,
    lists: web::Data<EntryLists>,
    search: web::Data<EntrySearch>,
    streams: web::Data<EntryStreams>,
    request: HttpRequest,
    path: web::Path<(String, String)>,
    queries: (web::Query<ListParameters>, web::Query<PageQuery>),
) -> Result<HttpResponse, Problem> {
    let (query, position) = queries;
    let caller = match pages.find_visitor(&request).await? {
        Ok(caller) => caller,
        Err(form) => return Ok(form),
    };
    let (path, logbook) = pages.require_read(&caller, &path.0, &path.1).await?;
    // Removed entries are only shown to those who may restore them.
    let shows_removed = position.removed.as_deref() == Some("true");
    if shows_removed {
        pages.permissions.require_history(&caller, &path.logbook).await?;
    }
    let words = query.list.search.as_deref().and_then(FulltextQuery::parse);
    let filter = Filter { search: None, removed: Some(shows_removed), ..lists.parse_filter(&query)? };
    // Before the list is read: what is written meanwhile comes with the stream.
    let record = streams.find_head(&logbook).await?;
    let sources = Sources { lists: &lists, search: &search };
    let after = position.after.as_deref();
    let found = match words.clone() {
        Some(words) => find_words(sources, &logbook, words, filter, after).await?,
        None => list_page(sources, &logbook, &filter, after).await?,
    };
    let views = pages.render_views(&found.entries, words.as_ref()).await?;
    let mut filter_query = render_filter(&query)?;
    let is_narrowed = !filter_query.is_empty();
    if shows_removed {
        filter_query.push_str("&removed=true");
    }
    let writing = pages.permissions.require_write(&caller, &path.logbook).await;
    let values = context! {
        site => pages.site.as_str(),
        user => short_user_name(&caller.subject().icat_user_name),
        book => pages.describe_logbook(&caller, &path).await,
        may_write => writing.is_ok(),
        why_not => writing.err().map(|e| explain_refusal(&e)),
        entries => views,
        is_live => !is_narrowed && !shows_removed && after.is_none(),
        shows_removed,
        is_narrowed,
        record,
        kept => render_filter(&without_date(&query))?,
        narrowing => &filter_query,
        more => found.next.map(|last| format!("after={last}{filter_query}")),
        asked => context! { search => query.list.search.as_deref(), ..Serde(&query.filter) },
        kinds => KINDS,
        known_tags => pages.tag_definitions.list_names(&logbook).await?,
        formats => Format::ALL.map(Format::name),
        earlier_day => found.earlier_day.map(Serde),
        later_day => found.later_day.map(Serde),
    };
    render_page(StatusCode::OK, "book.html", values)
}

fn explain_refusal(e: &Problem) -> String {
    match e.code {
        Code::Validation => {
            "This logbook is closed: its investigation is released, and it can be read only.".to_owned()
        }
        Code::Forbidden => "You may read this logbook, not write it.".to_owned(),
        _ => format!("Nothing can be written now: {}.", e.detail),
    }
}

/// Entries that have the words, the last written first.
async fn find_words(
    sources: Sources<'_>,
    logbook: &ReadableLogbook,
    words: FulltextQuery,
    filter: Filter,
    after: Option<&str>,
) -> Result<EntryPage, Problem> {
    let before = after.and_then(|seq| seq.parse().ok());
    let request = SearchRequest { words, filter, before, limit: PAGE_ENTRIES };
    let (entries, next) = sources.search.find_in_logbook(logbook, &request).await?;
    Ok(EntryPage { entries, next: next.map(|seq| seq.to_string()), earlier_day: None, later_day: None })
}

/// Newest first by the time that entries have, with the nearest days before and after them.
async fn list_page(
    sources: Sources<'_>,
    logbook: &ReadableLogbook,
    filter: &Filter,
    after: Option<&str>,
) -> Result<EntryPage, Problem> {
    let lists = sources.lists;
    let mut entries = lists.list_after(logbook, filter, after, PAGE_ENTRIES + 1).await?;
    let has_more = entries.len() > usize::try_from(PAGE_ENTRIES).unwrap_or(usize::MAX);
    if has_more {
        entries.pop();
    }
    let next = entries.last().filter(|_| has_more).map(|entry| entry.id.clone());
    let zone = &lists.zone;
    let bounds = |entry: &Entry| parse_day("date", &render_day(entry.content.at, zone), zone);
    let start = filter.from.or(entries.last().map(bounds).transpose()?.map(|(from, _)| from));
    let end = filter.before.or(entries.first().map(bounds).transpose()?.map(|(_, before)| before));
    let (earlier, later) = match (start, end) {
        (Some(start), Some(end)) => lists.find_neighbours(logbook, filter, (start, end)).await?,
        _ => (None, None),
    };
    let day = |at: Option<Micros>| at.map(|at| Day::new(at, zone));
    Ok(EntryPage { entries, next, earlier_day: day(earlier), later_day: day(later) })
}

/// A day that a link leads to.
#[derive(Serialize)]
struct Day {
    /// As it stands in an address.
    day: String,
    /// As people read it.
    date: String,
}

impl Day {
    fn new(at: Micros, zone: &TimeZone) -> Self {
        let local = zone.to_datetime(at.to_timestamp());
        Self { day: render_day(at, zone), date: local.strftime(DATE).to_string() }
    }
}

fn without_date(query: &ListParameters) -> ListParameters {
    let mut query = query.clone();
    query.filter.date = None;
    query
}

/// The search and the filter as the rest of a query string. The path names the logbook.
fn render_filter(query: &ListParameters) -> Result<String, Problem> {
    let filter = FilterQuery { investigation_id: None, instrument_name: None, ..query.filter.clone() };
    let filter = serde_json::to_value(filter).map_err(Problem::internal)?;
    let parameters = filter.as_object().into_iter().flatten().map(|(name, value)| (name.as_str(), value.as_str()));
    let pair = |(name, value): (&str, Option<&str>)| {
        let value = value.map(str::trim).filter(|value| !value.is_empty())?;
        Some(format!("&{name}={}", percent_encode_segment(value)))
    };
    Ok([("search", query.list.search.as_deref())].into_iter().chain(parameters).filter_map(pair).collect())
}
