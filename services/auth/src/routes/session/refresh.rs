//! `PUT /session/{id}` of ICAT+: the lifetime starts again; 204.

use actix_web::{HttpResponse, web};
use service_kit::{PathCredential, Problem};

use crate::error::of_icat;
use crate::openapi::OfIcatPlus;
use crate::state::State;

#[utoipa::path(
    put, path = "/session/{id}", operation_id = "refresh_session", tag = "sessions",
    summary = "Let a session's lifetime start again (ICAT+)",
    params(PathCredential),
    security((), ("bearer" = [])),
    responses(
        OfIcatPlus,
        (status = 204, description = "Done"),
        (status = 403, description = "Unknown or over", body = String, content_type = "text/plain"),
    ),
)]
pub async fn put(state: web::Data<State>, credential: PathCredential) -> Result<HttpResponse, Problem> {
    state.icat.refresh_session(&credential.id).await.map_err(of_icat)?;
    Ok(HttpResponse::NoContent().finish())
}
