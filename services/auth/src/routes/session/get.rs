//! `GET /session/{id}` of ICAT+: the user of a session, the roles, and the remaining time.

use actix_web::{HttpResponse, web};
use serde::Serialize;
use service_kit::{PathCredential, Problem};
use utoipa::ToSchema;

use super::description::{Session, describe_session};
use super::responses::IcatPlusErrors;
use crate::state::State;

/// A session and its user in ICAT.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionStatus {
    remaining_minutes: f64,
    user_name: String,
    affiliation: String,
    email: String,
    full_name: String,
    user: Session,
}

// ICAT+ documents only 500 for a dead session; 403 is what its other session calls answer, and what clients act on.
#[utoipa::path(
    get, path = "/session/{id}", operation_id = "get_session", tag = "sessions",
    summary = "Get the user, the roles and the remaining time of a session (ICAT+)",
    params(PathCredential),
    security((), ("bearer" = [])),
    responses(
        IcatPlusErrors,
        (status = 200, description = "Alive", body = SessionStatus),
        (status = 403, description = "The session is unknown or has ended", body = String, content_type = "text/plain"),
    ),
)]
pub async fn get_session(state: web::Data<State>, credential: PathCredential) -> Result<HttpResponse, Problem> {
    let (user, details, info) = describe_session(&state, &credential.id).await?;
    Ok(HttpResponse::Ok().json(SessionStatus {
        remaining_minutes: info.remaining_minutes,
        user_name: info.user_name,
        affiliation: details.affiliation,
        email: details.email,
        full_name: details.full_name,
        user,
    }))
}
