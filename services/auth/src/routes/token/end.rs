//! `DELETE /auth/v1/token`: logout; 204, also the second time. A token that has expired still ends its session, which
//! lives longer than the token.

use actix_web::{HttpRequest, HttpResponse, web};
use service_kit::openapi::{CommonFailures, Failure, IcatFailures};
use service_kit::{Problem, RequestCredential};

use crate::error::no_credentials;
use crate::sessions;
use crate::state::State;

#[utoipa::path(
    delete, path = "/auth/v1/token", operation_id = "end_token", tag = "tokens",
    summary = "Log out: end the token and the ICAT session behind it",
    security(("bearer" = [])),
    responses(
        CommonFailures,
        IcatFailures,
        (status = 204, description = "Ended, now or before; an expired token ends its session too"),
        (status = 401, description = "No token, or none of this site", body = Failure,
            content_type = "application/problem+json"),
    ),
)]
pub async fn delete(state: web::Data<State>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let bearer = RequestCredential::find_bearer(&request)?;
    let token = bearer.ok_or_else(|| no_credentials("send the token as Authorization: Bearer"))?.text;
    let claims = state.tokens.verify_at_any_time(&token).await?;
    if let Some(found) = sessions::find(&state, claims).await? {
        // First at ICAT: if that fails, the same request can be sent again.
        sessions::log_out(&state, &found.session.id).await?;
        state.db.write(async |tx| sessions::session_ended(tx, &found).await).await?;
    }
    Ok(HttpResponse::NoContent().finish())
}
