//! `POST /refresh`: another token for one that may have expired and the cookie. Unlike scigateway-auth, the cookie is replaced,
//! a copied one ends the login, and roles are those of now.

use actix_web::http::header::SET_COOKIE;
use actix_web::web::{self, Bytes};
use actix_web::{HttpRequest, HttpResponse};
use service_kit::Problem;

use super::cookie::{render_cookie, require_refresh_token};
use super::failures::{CommonScigatewayFailures, ScigatewayBodyFailures, from_refresh_failure, refresh_refused};
use super::login::CLIENT;
use super::token_body::ScigatewayToken;
use crate::domain::client_id::ClientId;
use crate::domain::renewal::seconds_until;
use crate::error_format::ScigatewayFailure;
use crate::logins::{RenewalRequest, SessionHandle, TokenPlace};
use crate::request_origin::RequestOrigin;
use crate::state::State;

#[utoipa::path(
    post, path = "/auth/refresh", operation_id = "refresh_scigateway_token", tag = "scigateway",
    summary = "Get another token (SciGateway)",
    request_body(content = ScigatewayToken, content_type = "application/json"),
    security(),
    responses(
        CommonScigatewayFailures,
        ScigatewayBodyFailures,
        (status = 200, description = "A token; the next refresh token is in the cookie", body = String,
            content_type = "application/json"),
        (status = 400, description = "There is no cookie, or the body is not UTF-8", body = ScigatewayFailure),
        (status = 403, description = "A token is not valid, the login is over, or ICAT does not answer", body = ScigatewayFailure),
    ),
)]
pub async fn refresh_token(
    state: web::Data<State>,
    origin: RequestOrigin,
    request: HttpRequest,
    body: Bytes,
) -> Result<HttpResponse, Problem> {
    let given = ScigatewayToken::from_request(&request, &body)?;
    let refresh_token = require_refresh_token(&request)?;
    let claims = state.scigateway_tokens.verify_token_ignoring_expiry(&given.token).await?;
    let claims = claims.ok_or_else(|| refresh_refused("auth/bad-token"))?;
    let renewal = RenewalRequest {
        token: &refresh_token,
        place: TokenPlace::ScigatewayCookie,
        client: &ClientId::of_interface(CLIENT),
        sid: Some(&SessionHandle::from_token(claims.login_handle())),
        origin: &origin.0,
        token_lifetime: state.scigateway_tokens.lifetime(),
    };
    let renewed = state.renewals.renew_login(&renewal).await.map_err(from_refresh_failure)?;
    service_kit::record_caller(&renewed.session.user_name);
    let token = state.scigateway_tokens.sign_token(&renewed.session, &renewed.handle, renewed.token_ends_at).await?;
    let seconds = seconds_until(renewed.ends_at, state.clock.now_micros());
    let cookie = render_cookie(&renewed.refresh_token, &state.config.scigateway_prefix, seconds);
    Ok(HttpResponse::Ok().append_header((SET_COOKIE, cookie)).json(token))
}
