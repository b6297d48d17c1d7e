//! `PUT /icat/session/{id}`: the lifetime starts again; 204.

use actix_web::{HttpResponse, web};
use service_kit::{PathCredential, Problem};

use crate::routes::schemas::{CommonResponses, Failure};
use crate::state::State;

#[utoipa::path(
    put, path = "/icat/session/{id}", operation_id = "refresh_session", tag = "sessions",
    summary = "Refresh a session: its lifetime starts again",
    description = "An access token or a session handle stands for the session of its login. The lifetime of the token does not \
        change.",
    params(PathCredential),
    security((), ("bearer" = [])),
    responses(
        CommonResponses,
        (status = 204, description = "Done"),
        (status = 403, description = "`SESSION`: the session is unknown or has expired", body = Failure),
    ),
)]
pub async fn refresh_session(state: web::Data<State>, credential: PathCredential) -> Result<HttpResponse, Problem> {
    let credential = state.sessions.resolve_credential(Some(&credential.id)).await?;
    state.sessions.refresh_session(&credential).await?;
    Ok(HttpResponse::NoContent().finish())
}
