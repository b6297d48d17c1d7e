//! `POST /logout`: ends a login and its ICAT session. scigateway-auth has no such operation: there, a session outlives whoever
//! logged out.

use actix_web::http::header::SET_COOKIE;
use actix_web::web::{self, Bytes};
use actix_web::{HttpRequest, HttpResponse};
use service_kit::Problem;

use super::cookie::render_removal;
use super::failures::{CommonScigatewayFailures, ScigatewayBodyFailures, invalid_token};
use super::token_body::ScigatewayToken;
use crate::error_format::ScigatewayFailure;
use crate::request_origin::RequestOrigin;
use crate::state::State;

#[utoipa::path(
    post, path = "/auth/logout", operation_id = "log_out_of_scigateway", tag = "scigateway",
    summary = "Log out (SciGateway)",
    description = "It can be repeated. An expired token also ends its login.",
    request_body(content = ScigatewayToken, content_type = "application/json"),
    security(),
    responses(
        CommonScigatewayFailures,
        ScigatewayBodyFailures,
        (status = 200, description = "The login has ended, now or before; the cookie is removed"),
        (status = 403, description = "The token is not one of this interface", body = ScigatewayFailure),
    ),
)]
pub async fn log_out(
    state: web::Data<State>,
    origin: RequestOrigin,
    request: HttpRequest,
    body: Bytes,
) -> Result<HttpResponse, Problem> {
    let given = ScigatewayToken::from_request(&request, &body)?;
    let claims = state.scigateway_tokens.verify_token_ignoring_expiry(&given.token).await?;
    let claims = claims.ok_or_else(invalid_token)?;
    if let Some(login) = state.logins.find_login(claims.login_handle()).await? {
        state.logout.log_out(&login, &origin.0).await?;
    }
    let removal = render_removal(&state.config.scigateway_prefix);
    Ok(HttpResponse::Ok().append_header((SET_COOKIE, removal)).finish())
}
