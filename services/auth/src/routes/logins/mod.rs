//! `/auth/v1/logins`: the logins of whoever asks, on all devices.

pub mod end;
pub mod list;

use actix_web::HttpRequest;
use service_kit::{Problem, RequestCredential};

use crate::error::{bad_token, no_credentials};
use crate::logins::LiveLogin;
use crate::state::State;

/// The login of the access token of a request.
pub(super) async fn require_login(state: &State, request: &HttpRequest) -> Result<LiveLogin, Problem> {
    let bearer = RequestCredential::find_bearer(request)?;
    let token = bearer.ok_or_else(|| no_credentials("send an access token as Authorization: Bearer"))?.text;
    let claims = state.tokens.verify_token(&token).await?;
    let login = state.logins.find_live_login(claims.sid).await?;
    let login = login.ok_or_else(|| bad_token("the login of the token has ended"))?;
    service_kit::record_caller(&login.row.user_name);
    Ok(login)
}
