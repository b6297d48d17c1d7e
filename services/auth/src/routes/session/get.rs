//! `GET /session/{id}` of ICAT+: who it is, with which roles, and for how long.

use actix_web::{HttpResponse, web};
use serde::Serialize;
use service_kit::{PathCredential, Problem};
use utoipa::ToSchema;

use super::{Session, describe};
use crate::error::of_icat;
use crate::openapi::OfIcatPlus;
use crate::state::State;

/// A session and what ICAT knows of its user.
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
    summary = "Who it is, with which roles, and for how long (ICAT+)",
    params(PathCredential),
    security((), ("bearer" = [])),
    responses(
        OfIcatPlus,
        (status = 200, description = "Alive", body = SessionStatus),
        (status = 403, description = "Unknown or over", body = String, content_type = "text/plain"),
    ),
)]
pub async fn get(state: web::Data<State>, credential: PathCredential) -> Result<HttpResponse, Problem> {
    let (user, details, info) = describe(&state, &credential.id).await.map_err(of_icat)?;
    Ok(HttpResponse::Ok().json(SessionStatus {
        remaining_minutes: info.remaining_minutes,
        user_name: info.user_name,
        affiliation: details.affiliation,
        email: details.email,
        full_name: details.full_name,
        user,
    }))
}
