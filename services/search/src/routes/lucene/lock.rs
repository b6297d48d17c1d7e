//! `POST /icat.lucene/lock/{entity}`: begins to populate an entity.

use actix_web::{HttpResponse, web};
use serde::Deserialize;
use service_kit::Problem;

use super::request::{AllowedAddress, parse_entity};
use crate::error::Error;
use crate::state::State;

#[derive(Deserialize)]
pub struct LockParameters {
    /// Ids up to this one were populated before.
    #[serde(rename = "minId")]
    min_id: Option<i64>,
    #[serde(rename = "maxId")]
    max_id: Option<i64>,
    /// Whether the documents that are sent replace all that are there.
    #[serde(default)]
    delete: bool,
}

/// With `delete`, the documents that are sent until the unlock replace all that are there; until then, searches find these.
/// Without `delete`, the index must have no document between `minId` (exclusive) and `maxId`: an icat.server that goes on after
/// a failure learns from the answer where to go on.
pub async fn lock_entity(
    _: AllowedAddress,
    state: web::Data<State>,
    entity: web::Path<String>,
    parameters: web::Query<LockParameters>,
) -> Result<HttpResponse, Problem> {
    let Some(entity) = parse_entity(&entity)? else { return Ok(HttpResponse::NoContent().finish()) };
    if !state.changes.lock_entity(entity, parameters.delete).await? {
        return Err(Error::Conflict(format!("Lucene already locked for {entity}")).into());
    }
    if parameters.delete {
        return Ok(HttpResponse::NoContent().finish());
    }
    state.changes.wait_until_visible().await?;
    let (low, high) = (parameters.min_id.unwrap_or(0), parameters.max_id.unwrap_or(i64::MAX));
    let ids = state
        .searches
        .run(move |planner| planner.snapshot.collect_own_ids(entity, planner.deadline).map_err(Error::from))
        .await?;
    let highest = ids.iter().rev().map(u64::cast_signed).find(|id| *id <= high).filter(|id| *id > low);
    if let Some(id) = highest {
        state.changes.unlock_entity(entity, false).await?;
        return Err(Error::Query(format!("While locking index, found id {id} in specified range")).into());
    }
    Ok(HttpResponse::NoContent().finish())
}
