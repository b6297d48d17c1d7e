//! The searches of icat.server 6.2 (`/icat/search`, `/icat/facet`, `/icat/lucene`), as portals send them.

pub mod facet_documents;
mod facets;
pub mod failure;
pub mod lucene;
pub mod search_documents;

use identity::Caller;
use serde::Deserialize as _;
use serde_json::Value;

use crate::domain::entity::EntityKind;
use crate::error::Error;
use crate::planner::SearchQuery;

/// Rows of an answer if the client does not say how many, as in icat.server.
const DEFAULT_ROWS: usize = 100;
/// Rows of an answer: `maxEntities` of icat.server.
const MAX_ROWS: usize = 10_000;

/// The parameter `query`.
fn parse_query_parameter(text: Option<&str>) -> Result<Value, Error> {
    let text = text.ok_or_else(|| Error::Query("query is not set".to_owned()))?;
    let query: Value =
        serde_json::from_str(text).map_err(|e| Error::Query(format!("query must be a JSON object: {e}")))?;
    if query.is_object() { Ok(query) } else { Err(Error::Query("query must be a JSON object".to_owned())) }
}

/// What is searched for.
fn parse_target(query: &Value) -> Result<EntityKind, Error> {
    match query.get("target").and_then(Value::as_str) {
        Some("Investigation") => Ok(EntityKind::Investigation),
        Some("Dataset") => Ok(EntityKind::Dataset),
        Some("Datafile") => Ok(EntityKind::Datafile),
        _ => Err(Error::Query("query needs a target: Investigation, Dataset or Datafile".to_owned())),
    }
}

/// The conditions. With `is_restricted`, and without a user in the query, only what belongs to the investigations of the caller.
fn parse_search(query: &Value, caller: &Caller, is_restricted: bool) -> Result<SearchQuery, Error> {
    let mut search = SearchQuery::deserialize(query).map_err(|e| Error::Query(format!("invalid query: {e}")))?;
    let own = &caller.subject().icat_user_name;
    if is_restricted && search.user.is_none() {
        search.user = Some(own.clone());
    }
    search.is_own_user = search.user.as_ref() == Some(own);
    Ok(search)
}

/// How many rows an answer may have.
fn parse_max_count(text: Option<&str>) -> Result<usize, Error> {
    match parse_count("maxCount", text)? {
        0 => Ok(DEFAULT_ROWS),
        count if count > MAX_ROWS => Err(Error::Query(format!("maxCount must not be greater than {MAX_ROWS}"))),
        count => Ok(count),
    }
}

/// A number of rows; 0 if it is missing.
fn parse_count(name: &str, text: Option<&str>) -> Result<usize, Error> {
    let refused = |_| Error::Query(format!("{name} must be a whole number"));
    text.map_or(Ok(0), |text| text.parse().map_err(refused))
}
