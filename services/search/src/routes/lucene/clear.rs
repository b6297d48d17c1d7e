//! `POST /icat.lucene/clear`: deletes all documents.

use actix_web::{HttpResponse, web};
use service_kit::Problem;

use super::request::AllowedIcatServer;
use crate::state::State;

pub async fn clear_index(_: AllowedIcatServer, state: web::Data<State>) -> Result<HttpResponse, Problem> {
    state.changes.clear_index().await?;
    state.changes.wait_until_visible().await?;
    Ok(HttpResponse::NoContent().finish())
}
