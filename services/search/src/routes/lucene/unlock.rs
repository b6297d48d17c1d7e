//! `POST /icat.lucene/unlock/{entity}`: an entity has been populated.

use actix_web::{HttpResponse, web};
use service_kit::Problem;

use super::request::{IcatServer, parse_entity};
use crate::error::Error;
use crate::state::State;

/// Answers when all documents are visible to searches.
pub async fn unlock_entity(
    _: IcatServer,
    state: web::Data<State>,
    entity: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let Some(entity) = parse_entity(&entity)? else { return Ok(HttpResponse::NoContent().finish()) };
    if !state.changes.unlock_entity(entity).await? {
        return Err(Error::Conflict(format!("Lucene is not currently locked for {entity}")).into());
    }
    state.changes.wait_until_visible().await?;
    Ok(HttpResponse::NoContent().finish())
}
