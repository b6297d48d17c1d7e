//! `POST /auth/v1/logout`: logs out with an access token, a refresh token or its cookie; 204, also if repeated.

use actix_web::web::{self, Bytes};
use actix_web::{HttpRequest, HttpResponse};
use service_kit::openapi::{BodyFailures, CommonFailures, Failure, IcatFailures};
use service_kit::{Problem, RequestCredential};

use super::refresh_cookie::{create_removal_cookie, find_refresh_cookie, find_refresh_token, require_json};
use super::token::refresh::RefreshRequest;
use crate::error::no_credentials;
use crate::logins::{LiveLogin, RefreshToken, TokenPlace};
use crate::request_origin::RequestOrigin;
use crate::state::State;

#[utoipa::path(
    post, path = "/auth/v1/logout", operation_id = "log_out", tag = "logins",
    summary = "Log out: end a login, its tokens, its refresh tokens and its ICAT session",
    description = "Send one of these: `Authorization: Bearer` with an access token, which may have expired, and no body; a \
        body with `refresh_token`; or, from a page whose browser has the cookie, the body `{}`.",
    request_body(content = RefreshRequest, content_type = "application/json"),
    security((), ("bearer" = [])),
    responses(
        CommonFailures,
        BodyFailures,
        IcatFailures,
        (status = 204, description = "The login has ended, now or before"),
        (status = 400, description = "The body is not JSON", body = Failure, content_type = "application/problem+json"),
        (status = 401, description = "There is no token, or it was issued by another facility", body = Failure,
            content_type = "application/problem+json"),
        (status = 403, description = "A page of another site sent the cookie", body = Failure,
            content_type = "application/problem+json"),
        (status = 422, description = "A field is unknown or not a text", body = Failure,
            content_type = "application/problem+json"),
    ),
)]
pub async fn log_out(
    state: web::Data<State>,
    origin: RequestOrigin,
    request: HttpRequest,
    body: Bytes,
) -> Result<HttpResponse, Problem> {
    let login = match RequestCredential::find_bearer(&request)? {
        Some(bearer) if body.is_empty() => {
            let claims = state.tokens.verify_token_ignoring_expiry(&bearer.text).await?;
            state.logins.find_login(claims.sid).await?
        }
        _ => find_login_by_body(&state, &request, &body).await?,
    };
    let is_cookie_over = is_cookie_over_with(&state, &request, login.as_ref()).await?;
    if let Some(login) = login {
        state.logout.log_out(&login, &origin.0).await?;
    }
    let mut response = HttpResponse::NoContent();
    if is_cookie_over {
        response.cookie(create_removal_cookie());
    }
    Ok(response.finish())
}

/// Whether the browser has a cookie that is of no use after this login has ended. One of another login is kept.
async fn is_cookie_over_with(
    state: &State,
    request: &HttpRequest,
    ending: Option<&LiveLogin>,
) -> Result<bool, Problem> {
    let Ok(Some(cookie)) = find_refresh_cookie(request) else { return Ok(false) };
    let Some(token) = RefreshToken::parse(&cookie, TokenPlace::Cookie) else { return Ok(true) };
    let found = state.logins.find_login_by_refresh_token(&token).await?;
    let is_other = |found: &LiveLogin| ending.is_none_or(|ending| ending.row.sid_hash != found.row.sid_hash);
    Ok(!found.is_some_and(|found| is_other(&found)))
}

/// A token that is not valid belongs to a login that has ended, as far as its owner is concerned (RFC 7009, 2.2).
async fn find_login_by_body(state: &State, request: &HttpRequest, body: &[u8]) -> Result<Option<LiveLogin>, Problem> {
    require_json(request)?;
    let given = RefreshRequest::parse(body)?;
    let found = find_refresh_token(request, given.refresh_token.as_deref())?;
    let text = "send an access token as Authorization: Bearer, or a refresh token";
    let (text, place) = found.ok_or_else(|| no_credentials(text))?;
    match RefreshToken::parse(&text, place) {
        Some(token) => state.logins.find_login_by_refresh_token(&token).await,
        None => Ok(None),
    }
}
