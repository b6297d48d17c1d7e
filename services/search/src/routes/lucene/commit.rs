//! `POST /icat.lucene/commit`.

use actix_web::{HttpResponse, web};
use service_kit::Problem;

use super::request::AllowedIcatServer;
use crate::state::State;

/// Answers when all changes that were accepted before are visible to searches.
pub async fn commit_changes(_: AllowedIcatServer, state: web::Data<State>) -> Result<HttpResponse, Problem> {
    state.changes.wait_until_visible().await?;
    Ok(HttpResponse::NoContent().finish())
}
