//! `PUT /session/{id}` of ICAT+: the lifetime starts again; 204.

use actix_web::{HttpResponse, web};
use service_kit::Problem;

use crate::error::of_icat;
use crate::openapi::OfIcatPlus;
use crate::state::State;

#[utoipa::path(
    put, path = "/session/{id}", operation_id = "refresh_session", tag = "sessions",
    summary = "Let a session's lifetime start again (ICAT+)",
    params(("id" = String, Path, description = "The session id")),
    security(),
    responses(
        OfIcatPlus,
        (status = 204, description = "Done"),
        (status = 403, description = "Unknown or over", body = String, content_type = "text/plain"),
    ),
)]
pub async fn put(state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, Problem> {
    state.icat.refresh(&id).await.map_err(of_icat)?;
    Ok(HttpResponse::NoContent().finish())
}
