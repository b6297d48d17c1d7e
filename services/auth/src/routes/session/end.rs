//! `DELETE /session/{id}` of ICAT+: logout; 200 without a body, also for a session that is gone already.

use actix_web::{HttpResponse, web};
use service_kit::{Code, PathCredential, Problem, is_access_token};

use crate::openapi::OfIcatPlus;
use crate::sessions::log_out;
use crate::state::State;

#[utoipa::path(
    delete, path = "/session/{id}", operation_id = "end_session", tag = "sessions", summary = "Log out (ICAT+)",
    params(PathCredential),
    security((), ("bearer" = [])),
    responses(
        OfIcatPlus,
        (status = 200, description = "Ended, now or before"),
        (status = 403, description = "ICAT refuses", body = String, content_type = "text/plain"),
    ),
)]
pub async fn delete(state: web::Data<State>, credential: PathCredential) -> Result<HttpResponse, Problem> {
    if is_access_token(&credential.id) {
        let text = "an access token is ended by DELETE /auth/v1/token";
        return Err(Problem::new(Code::Forbidden, "auth/access-token", text));
    }
    log_out(&state, &credential.id).await?;
    Ok(HttpResponse::Ok().finish())
}
