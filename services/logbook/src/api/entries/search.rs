//! `GET /logbook/{sessionId}/search`: words, phrases and beginnings, in one logbook or in all that the caller may read.

use actix_web::{HttpResponse, web};
use identity::Caller;
use serde::{Deserialize, Serialize};
use service_kit::Problem;
use service_kit::fulltext::{ExcerptPart, FulltextQuery};
use utoipa::{IntoParams, ToSchema};

use crate::api::shared::{CommonFailures, Credential};
use crate::domain::filter::Filter;
use crate::domain::list_parameters::{FilterQuery, ListParameters};
use crate::domain::rendered_entry::RenderedEntry;
use crate::domain::values::parse_number;
use crate::entries::lists::EntryLists;
use crate::entries::search::{EntrySearch, SearchHit, SearchRequest};
use crate::error::Error;
use crate::http::respond_json;

/// Hits where the request does not say, and at most.
const DEFAULT_LIMIT: i64 = 25;
const MAX_LIMIT: i64 = 200;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SearchQuery {
    /// Words, phrases in quotation marks, beginnings of words with `*`.
    #[param(value_type = String)]
    search: Option<String>,
    #[param(value_type = Option<i64>, nullable = false, minimum = 1)]
    limit: Option<String>,
    /// The value of `next` in the previous response; returns the entries after it.
    #[param(nullable = false)]
    before: Option<String>,
}

/// The result of a search.
#[derive(Serialize, ToSchema)]
pub struct Found {
    hits: Vec<Hit>,
    /// The value of `before` for the next page; null at the end.
    #[schema(required)]
    next: Option<String>,
    /// False if the caller may read more logbooks than were searched.
    complete: bool,
}

#[derive(Serialize, ToSchema)]
struct Hit {
    /// `investigation/4711`, `instrument/bl07` or `facility`.
    book: Option<String>,
    #[schema(value_type = RenderedEntry)]
    event: serde_json::Value,
    /// The passages of the entry that match.
    excerpts: Vec<Vec<ExcerptPiece>>,
}

#[derive(Serialize, ToSchema)]
struct ExcerptPiece {
    text: String,
    /// Whether this piece matches the search.
    hit: bool,
}

impl From<ExcerptPart> for ExcerptPiece {
    fn from(ExcerptPart { text, hit }: ExcerptPart) -> Self {
        Self { text, hit }
    }
}

impl From<SearchHit> for Hit {
    fn from(SearchHit { logbook, entry, excerpts }: SearchHit) -> Self {
        let pieces = |pieces: Vec<ExcerptPart>| pieces.into_iter().map(ExcerptPiece::from).collect();
        Self { book: logbook, event: entry, excerpts: excerpts.into_iter().map(pieces).collect() }
    }
}

#[utoipa::path(
    get, path = "/logbook/{credential}/search", operation_id = "search_entries", tag = "entries",
    summary = "Search for words",
    description = "Finds entries that match all parts of `search`, the most recently changed first: `beam dump` (both \
        words), `\"beam dump\"` (in this order), `calib*` (beginning of a word); case and accents are ignored. \
        Without `investigationId` and `instrumentName`, all logbooks that the caller may read are searched. The other \
        parameters are filters as for lists; `sortBy`, `sortOrder`, `skip` and `format` are ignored.",
    params(Credential, FilterQuery, SearchQuery),
    security((), ("bearer" = []), ("api_key" = [])),
    responses(
        CommonFailures,
        (status = 200, description = "Entries with the passages that match", body = Found),
        (status = 403, description = "Not allowed to read this logbook", body = String, content_type = "text/plain"),
    ),
)]
pub async fn search_entries(
    search: web::Data<EntrySearch>,
    lists: web::Data<EntryLists>,
    caller: Caller,
    query: web::Query<ListParameters>,
    search_query: web::Query<SearchQuery>,
) -> Result<HttpResponse, Problem> {
    let words = search_query.search.as_deref().and_then(FulltextQuery::parse);
    let words = words.ok_or_else(|| Error::invalid("search must have at least one word"))?;
    let filter = Filter { search: None, ..lists.parse_filter(&query)? };
    let limit = parse_number("limit", search_query.limit.as_deref())?.unwrap_or(DEFAULT_LIMIT).clamp(1, MAX_LIMIT);
    let before = parse_number("before", search_query.before.as_deref())?;
    let request = SearchRequest { words, filter, before, limit };
    let found = search.search_entries(&caller, &query.parse_logbook()?, &request).await?;
    let next = found.next.map(|seq| seq.to_string());
    let hits = found.hits.into_iter().map(Hit::from).collect();
    Ok(respond_json(&Found { hits, next, complete: found.complete }))
}
