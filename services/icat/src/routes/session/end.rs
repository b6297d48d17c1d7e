//! `DELETE /icat/session/{id}`: logout; 204.

use actix_web::{HttpResponse, web};
use service_kit::{PathCredential, Problem};

use crate::routes::schemas::{CommonResponses, Failure};
use crate::state::State;

#[utoipa::path(
    delete, path = "/icat/session/{id}", operation_id = "log_out", tag = "sessions", summary = "End a session",
    description = "An access token or a session handle stands for the session of its login: both are refused afterwards, and the \
        login cannot be refreshed.",
    params(PathCredential),
    security((), ("bearer" = [])),
    responses(
        CommonResponses,
        (status = 204, description = "The session has ended, or had already expired"),
        (status = 403, description = "`SESSION`: the session is unknown", body = Failure),
    ),
)]
pub async fn log_out(state: web::Data<State>, credential: PathCredential) -> Result<HttpResponse, Problem> {
    state.sessions.log_out(&credential.id).await?;
    Ok(HttpResponse::NoContent().finish())
}
