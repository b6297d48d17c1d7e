//! `GET /logbook/{sessionId}/search`: words, phrases and beginnings, in one logbook or in all that the caller may read.

use actix_web::{HttpResponse, web};
use identity::Caller;
use service_kit::Problem;
use service_kit::fulltext::{ExcerptPart, FulltextQuery};

use crate::api::document::{Always, Credential, ExcerptPiece, FilterQuery, Found, Hit, SearchQuery};
use crate::catalogue::permissions;
use crate::domain::filter::{Filter, Parameters, number};
use crate::domain::logbook::Book;
use crate::entries;
use crate::error::Error;
use crate::http::{book_of, json};
use crate::state::State;
use crate::store::entries::Entry;
use crate::store::search::Reach;
use crate::store::{logbooks, search};

const DEFAULT: i64 = 25;
const MOST: i64 = 200;
/// Bytes of an entry's text around what was found.
const EXCERPT: usize = 240;
/// Texts of an entry that are shown.
const EXCERPTS: usize = 3;

#[utoipa::path(
    get, path = "/logbook/{credential}/search", operation_id = "search_entries", tag = "entries",
    summary = "Search for words",
    description = "Entries that have all of what `search` asks for, the last written first: `beam dump` both words, \
        `\"beam dump\"` in this order, `calib*` a beginning; without case and accents. Without `investigationId` and \
        `instrumentName` in every logbook that the caller may read. The other parameters narrow it as they do a list; \
        `sortBy`, `sortOrder`, `skip` and `format` do not count.",
    params(Credential, FilterQuery, SearchQuery),
    security((), ("bearer" = []), ("api_key" = [])),
    responses(
        Always,
        (status = 200, description = "Entries with the texts in which something was found", body = Found),
        (status = 403, description = "Not allowed to read this logbook", body = String, content_type = "text/plain"),
    ),
)]
pub async fn search_entries(
    state: web::Data<State>,
    caller: Caller,
    query: web::Query<Parameters>,
) -> Result<HttpResponse, Problem> {
    let asked = query.search.as_deref().and_then(FulltextQuery::parse);
    let asked = asked.ok_or_else(|| Error::bad("search must have at least one word"))?;
    let filter = Filter { search: None, ..query.filter(&state.zone)? };
    let limit = number("limit", query.limit.as_deref())?.unwrap_or(DEFAULT).clamp(1, MOST);
    let before = number("before", query.before.as_deref())?;
    let (reach, complete) = reach(&state, &caller, &query).await?;
    let mut tx = state.db.read().await?;
    let mut found = search::find(&mut tx, &reach, &asked, &filter, before, limit + 1).await?;
    let more = i64::try_from(found.len()).unwrap_or(i64::MAX) > limit;
    if more {
        found.pop();
    }
    let next = if more { found.last().map(|entry| entry.seq.to_string()) } else { None };
    let ids: Vec<i64> = found.iter().map(|entry| entry.book_id).collect();
    let names = logbooks::names(&mut tx, &ids).await?;
    let shown = entries::show_all(&state, &mut tx, &found).await?;
    let hits = found.iter().zip(shown).map(|(entry, event)| {
        let book = names.get(&entry.book_id).cloned();
        Hit { book, event, excerpts: excerpts(&asked, entry) }
    });
    Ok(json(&Found { hits: hits.collect(), next, complete }))
}

/// Where the caller may look, and whether that is all of it.
pub async fn reach(state: &State, caller: &Caller, query: &Parameters) -> Result<(Reach, bool), Problem> {
    let book = book_of(query)?;
    let books = match book {
        Book::Instrument(ref name) => {
            permissions::read(state, caller, &book).await?;
            return Ok((Reach::Instrument(name.clone()), true));
        }
        Book::Investigation(_) => {
            permissions::read(state, caller, &book).await?;
            permissions::Readable { books: Some(vec![book]), complete: true }
        }
        Book::Facility | Book::Unplaced => permissions::readable(state, caller).await?,
    };
    let Some(readable) = books.books else { return Ok((Reach::Everything, true)) };
    let ids = logbooks::ids(&mut state.db.read().await?, readable).await?;
    Ok((Reach::Books(ids), books.complete))
}

fn excerpts(asked: &FulltextQuery, entry: &Entry) -> Vec<Vec<ExcerptPiece>> {
    let texts: Vec<String> = entry.event.readable_texts().into_iter().chain(entry.event.tags.iter().cloned()).collect();
    let found = texts.iter().map(|text| asked.extract_excerpt(text, EXCERPT)).filter(|pieces| !pieces.is_empty());
    let shown = |piece: ExcerptPart| ExcerptPiece { text: piece.text, hit: piece.hit };
    found.take(EXCERPTS).map(|pieces| pieces.into_iter().map(shown).collect()).collect()
}
