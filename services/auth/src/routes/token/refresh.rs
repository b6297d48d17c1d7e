//! `POST /auth/v1/token/refresh`: another access token for a refresh token, which is replaced.

use actix_web::web::{self, Bytes};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use service_kit::openapi::{BodyFailures, CommonFailures, Failure, IcatFailures};
use service_kit::{Code, Problem};
use utoipa::ToSchema;

use super::credentials::parse_client_id;
use super::response::{IssuedRefreshToken, Token, render_token};
use crate::domain::renewal::seconds_until;
use crate::error::{no_credentials, refresh_refused};
use crate::logins::{RefreshToken, RenewalRequest};
use crate::request_origin::RequestOrigin;
use crate::routes::refresh_cookie::{find_refresh_token, require_json};
use crate::state::State;
use crate::tokens::{TOKEN_LIFETIME, TokenSubject};

/// Who refreshes. A page whose browser has the cookie sends `{}`, or its name.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RefreshRequest {
    #[schema(nullable = false)]
    pub refresh_token: Option<String>,
    /// As at the login.
    #[schema(nullable = false, example = "undulator-cli")]
    pub client_id: Option<String>,
}

impl RefreshRequest {
    /// Errors never repeat the body, which has a token in it.
    pub fn parse(body: &[u8]) -> Result<Self, Problem> {
        serde_json::from_slice(body).map_err(|e| {
            let text = format!(
                "the body must be an object that may have refresh_token and client_id, both texts; see line {} column {}",
                e.line(),
                e.column()
            );
            let code = if e.is_data() { Code::Validation } else { Code::BadRequest };
            Problem::new(code, "auth/bad-refresh-body", text)
        })
    }
}

#[utoipa::path(
    post, path = "/auth/v1/token/refresh", operation_id = "refresh_token", tag = "tokens",
    summary = "Get another access token for a refresh token",
    description = "A refresh token is used once: the response has the next one, in the body or in the cookie, like the one \
        that was sent. For a few seconds the same one is accepted again, because two tabs may send it at once, and an \
        answer may be lost. If it is used later, the login ends, with all its tokens.",
    request_body(content = RefreshRequest, content_type = "application/json"),
    security(),
    responses(
        CommonFailures,
        BodyFailures,
        IcatFailures,
        (status = 200, description = "A token and the next refresh token", body = Token),
        (status = 400, description = "The body is not JSON", body = Failure, content_type = "application/problem+json"),
        (status = 401, description = "There is no refresh token, it is not valid, or the login is over", body = Failure,
            content_type = "application/problem+json"),
        (status = 403, description = "A page of another site sent the cookie", body = Failure,
            content_type = "application/problem+json"),
        (status = 422, description = "A field is unknown or not a text", body = Failure,
            content_type = "application/problem+json"),
    ),
)]
pub async fn refresh_token(
    state: web::Data<State>,
    origin: RequestOrigin,
    request: HttpRequest,
    body: Bytes,
) -> Result<HttpResponse, Problem> {
    require_json(&request)?;
    let given = RefreshRequest::parse(&body)?;
    let client = parse_client_id(given.client_id.as_deref())?;
    let found = find_refresh_token(&request, given.refresh_token.as_deref())?;
    let (text, place) = found.ok_or_else(|| no_credentials("send refresh_token in the body, or the cookie with it"))?;
    let token = RefreshToken::parse(&text, place).ok_or_else(refresh_refused)?;
    let renewal = RenewalRequest {
        token: &token,
        place,
        client: &client,
        sid: None,
        origin: &origin.0,
        token_lifetime: TOKEN_LIFETIME,
    };
    let renewed = state.renewals.renew_login(&renewal).await?;
    let subject = TokenSubject {
        expires_at: renewed.token_ends_at,
        session: &renewed.session,
        handle: &renewed.handle,
        client: &client,
        authentication: &renewed.authentication,
    };
    let signed = state.tokens.sign_token(&subject).await?;
    let seconds_left = seconds_until(renewed.ends_at, state.clock.now_micros());
    let refresh = IssuedRefreshToken { token: renewed.refresh_token, place, seconds_left };
    Ok(render_token(HttpResponse::Ok(), signed, Some(refresh)))
}
