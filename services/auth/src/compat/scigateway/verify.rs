//! `POST /verify`: whether a token is valid and its login lives.

use actix_web::web::{self, Bytes};
use actix_web::{HttpRequest, HttpResponse};
use service_kit::Problem;

use super::failures::{CommonScigatewayFailures, ScigatewayBodyFailures, invalid_token};
use super::token_body::ScigatewayToken;
use crate::error_format::ScigatewayFailure;
use crate::logins::LiveLogin;
use crate::state::State;

#[utoipa::path(
    post, path = "/auth/verify", operation_id = "verify_scigateway_token", tag = "scigateway",
    summary = "Verify a token (SciGateway)",
    request_body(content = ScigatewayToken, content_type = "application/json"),
    security(),
    responses(
        CommonScigatewayFailures,
        ScigatewayBodyFailures,
        (status = 200, description = "The token is valid, and its login has not ended"),
        (status = 403, description = "The token is not valid, or its login has ended", body = ScigatewayFailure),
    ),
)]
pub async fn verify_token(state: web::Data<State>, request: HttpRequest, body: Bytes) -> Result<HttpResponse, Problem> {
    let given = ScigatewayToken::from_request(&request, &body)?;
    find_live_login(&state, &given.token).await?.ok_or_else(invalid_token)?;
    Ok(HttpResponse::Ok().finish())
}

/// The login of a valid token, unless it is over.
pub async fn find_live_login(state: &State, token: &str) -> Result<Option<LiveLogin>, Problem> {
    let Some(claims) = state.scigateway_tokens.verify_token(token).await? else { return Ok(None) };
    let login = state.logins.find_live_login(claims.login_handle()).await?;
    let login = login.filter(|login| login.row.user_name == claims.username);
    if let Some(login) = &login {
        service_kit::record_caller(&login.row.user_name);
    }
    Ok(login)
}
