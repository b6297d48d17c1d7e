//! `POST /icat.lucene/unlock/{entity}`: an entity has been populated.

use actix_web::{HttpResponse, web};
use serde::Deserialize;
use service_kit::Problem;

use super::request::{AllowedIcatServer, parse_entity};
use crate::error::Error;
use crate::state::State;

#[derive(Deserialize)]
pub struct UnlockParameters {
    /// Keeps the documents that are there besides those that were sent; for operators, after a population that failed. Not in
    /// icat.lucene.
    #[serde(default)]
    cancel: bool,
}

/// Answers when all documents are visible to searches.
pub async fn unlock_entity(
    _: AllowedIcatServer,
    state: web::Data<State>,
    entity: web::Path<String>,
    parameters: web::Query<UnlockParameters>,
) -> Result<HttpResponse, Problem> {
    let Some(entity) = parse_entity(&entity)? else { return Ok(HttpResponse::NoContent().finish()) };
    if !state.changes.unlock_entity(entity, !parameters.cancel).await? {
        return Err(Error::Conflict(format!("Lucene is not currently locked for {entity}")).into());
    }
    state.changes.wait_until_visible().await?;
    Ok(HttpResponse::NoContent().finish())
}
