//! `POST /icat.lucene/addNow/{entity}`: many documents of one entity.

use actix_web::{HttpResponse, web};
use service_kit::Problem;

use super::request::{AllowedIcatServer, parse_entity, read_body};
use crate::domain::change_request::parse_documents;
use crate::error::Error;
use crate::state::State;

/// A document with the id of an earlier one replaces it.
pub async fn add_documents(
    _: AllowedIcatServer,
    state: web::Data<State>,
    entity: web::Path<String>,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let entity = parse_entity(&entity)?;
    let body = read_body(payload, state.idle_timeout).await?;
    if let Some(entity) = entity {
        let parsed = parse_documents(entity, &body).map_err(Error::from)?;
        if !(parsed.changes.is_empty() && parsed.rejected.is_empty()) {
            state.changes.wait_for_room().await?;
            state.changes.store_documents(entity, &body, &parsed.rejected).await?;
        }
    }
    Ok(HttpResponse::NoContent().finish())
}
