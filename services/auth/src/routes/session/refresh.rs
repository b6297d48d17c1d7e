//! `PUT /session/{id}` of ICAT+: restarts the lifetime of a session; 204.

use actix_web::{HttpResponse, web};
use service_kit::{PathCredential, Problem};

use super::responses::IcatPlusErrors;
use crate::error::from_icat_error;
use crate::state::State;

#[utoipa::path(
    put, path = "/session/{id}", operation_id = "refresh_session", tag = "sessions",
    summary = "Restart the lifetime of a session (ICAT+)",
    params(PathCredential),
    security((), ("bearer" = [])),
    responses(
        IcatPlusErrors,
        (status = 204, description = "Done"),
        (status = 403, description = "The session is unknown or has ended", body = String, content_type = "text/plain"),
    ),
)]
pub async fn refresh_session(state: web::Data<State>, credential: PathCredential) -> Result<HttpResponse, Problem> {
    state.icat.refresh_session(&credential.id).await.map_err(from_icat_error)?;
    Ok(HttpResponse::NoContent().finish())
}
