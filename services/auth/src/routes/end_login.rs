//! `POST /sessions/end`, for other services only: ends the login of a session handle or an access token, as the logout of a page
//! does.

use actix_web::{HttpRequest, HttpResponse, web};
use service_kit::{Problem, RequestCredential, is_session_handle};

use crate::error::no_credentials;
use crate::request_origin::RequestOrigin;
use crate::state::State;

pub async fn end_login(
    state: web::Data<State>,
    origin: RequestOrigin,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let bearer = RequestCredential::find_bearer(&request)?;
    let text = bearer.ok_or_else(|| no_credentials("send the handle or the token as Authorization: Bearer"))?.text;
    let handle = if is_session_handle(&text) { text } else { state.tokens.verify_token(&text).await?.sid };
    if let Some(login) = state.logins.find_login(handle).await? {
        state.logout.log_out(&login, &origin.0).await?;
    }
    Ok(HttpResponse::NoContent().finish())
}
