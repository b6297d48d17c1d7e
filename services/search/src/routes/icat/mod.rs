//! The searches of icat.server 6.2 (`/icat/search`, `/icat/facet`), as portals send them.

pub mod facet_documents;
mod facets;
pub mod failure;
pub mod search_documents;

use serde_json::Value;

use crate::domain::entity::EntityKind;
use crate::error::Error;

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
