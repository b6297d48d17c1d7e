//! `DELETE /session/{id}` of ICAT+: logout; 200 without a body, also for a session that has ended before.

use actix_web::{HttpResponse, web};
use service_kit::{Code, PathCredential, Problem, is_access_token, is_session_handle};

use super::responses::IcatPlusErrors;
use crate::request_origin::RequestOrigin;
use crate::state::State;

#[utoipa::path(
    delete, path = "/session/{id}", operation_id = "end_session", tag = "sessions", summary = "Log out (ICAT+)",
    description = "The logins that belong to the session end with it, also if ICAT does not answer.",
    params(PathCredential),
    security((), ("bearer" = [])),
    responses(
        IcatPlusErrors,
        (status = 200, description = "The session has ended, now or before"),
        (status = 403, description = "ICAT refuses the request", body = String, content_type = "text/plain"),
    ),
)]
pub async fn end_session(
    state: web::Data<State>,
    origin: RequestOrigin,
    credential: PathCredential,
) -> Result<HttpResponse, Problem> {
    if is_access_token(&credential.id) {
        let text = "an access token is ended by DELETE /auth/v1/token";
        return Err(Problem::new(Code::Forbidden, "auth/access-token", text));
    }
    if is_session_handle(&credential.id) {
        let text = "the handle of a login is no session id; end the login with its token";
        return Err(Problem::new(Code::Forbidden, "auth/session-handle", text));
    }
    state.logout.log_out_of_icat(&credential.id, &origin.0).await?;
    Ok(HttpResponse::Ok().finish())
}
