//! `POST /icat.lucene/lock/{entity}`: begins to populate an entity.

use actix_web::{HttpResponse, web};
use serde::Deserialize;
use service_kit::Problem;

use super::request::{AllowedIcatServer, parse_entity};
use crate::domain::deadline::Deadline;
use crate::domain::entity::EntityKind;
use crate::domain::plan::{Order, Plan, SortKey, SortValue};
use crate::error::Error;
use crate::index::index_view::SearchRequest;
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
    _: AllowedIcatServer,
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
    let range = (parameters.min_id.unwrap_or(0), parameters.max_id.unwrap_or(i64::MAX));
    let found = find_highest_id(&state, entity, range).await;
    if !matches!(found, Ok(None)) {
        state.changes.unlock_entity(entity, false).await?;
    }
    if let Some(id) = found? {
        return Err(Error::Query(format!("While locking index, found id {id} in specified range")).into());
    }
    Ok(HttpResponse::NoContent().finish())
}

/// The highest id of a row that was sent itself, above the first bound and up to the second.
async fn find_highest_id(state: &State, entity: EntityKind, (low, high): (i64, i64)) -> Result<Option<i64>, Problem> {
    state.changes.wait_until_visible().await?;
    state
        .searches
        .run(move |planner| {
            let order = [Order { key: SortKey::Id, descending: true }];
            let after = high.checked_add(1).map(|after| [SortValue::Integer(after)]);
            let after = after.as_ref().map(<[SortValue; 1]>::as_slice);
            let request = SearchRequest { entity, plan: &Plan::All, order: &order, after, limit: 1 };
            // However many rows there are.
            let page = planner.snapshot.search_rows(&request, Deadline::never())?;
            Ok(page.hits.first().map(|hit| hit.id).filter(|id| *id > low))
        })
        .await
}
