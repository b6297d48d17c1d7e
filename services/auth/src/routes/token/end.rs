//! `DELETE /auth/v1/token`: logout; 204, also if repeated. An expired token still ends its session, which lives longer
//! than the token.

use actix_web::{HttpRequest, HttpResponse, web};
use service_kit::openapi::{CommonFailures, Failure, IcatFailures};
use service_kit::{Problem, RequestCredential};

use crate::error::no_credentials;
use crate::request_origin::RequestOrigin;
use crate::state::State;

#[utoipa::path(
    delete, path = "/auth/v1/token", operation_id = "end_token", tag = "tokens",
    summary = "Log out: end the token and its ICAT session",
    security(("bearer" = [])),
    responses(
        CommonFailures,
        IcatFailures,
        (status = 204, description = "The token and its session have ended, now or before; an expired token also ends its session"),
        (status = 401, description = "There is no token, or it was issued by another facility", body = Failure,
            content_type = "application/problem+json"),
    ),
)]
pub async fn end_token(
    state: web::Data<State>,
    origin: RequestOrigin,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let bearer = RequestCredential::find_bearer(&request)?;
    let token = bearer.ok_or_else(|| no_credentials("send the token as Authorization: Bearer"))?.text;
    let claims = state.tokens.verify_token_ignoring_expiry(&token).await?;
    if let Some(login) = state.logins.find_login(claims.sid).await? {
        state.logout.log_out(&login, &origin.0).await?;
    }
    Ok(HttpResponse::NoContent().finish())
}
