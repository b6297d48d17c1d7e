//! `POST /sessions/resolve`, for other services only: the ICAT session behind an access token.

use actix_web::{HttpRequest, HttpResponse, web};
use icat_client::{IcatCode, IcatError};
use identity::login_level::LoginLevel;
use jiff::Timestamp;
use serde::Serialize;
use service_kit::{Problem, RequestCredential, is_session_handle};

use crate::error::{bad_token, no_credentials};
use crate::login_levels::to_login_level;
use crate::state::State;

/// With how the user logged in (`acr`, `amr`, `auth_time`). `expires_at` is the end of the session as it was when the token was created.
#[derive(Serialize)]
struct ResolvedSession {
    session_id: String,
    user_name: String,
    expires_at: Timestamp,
    #[serde(flatten)]
    level: LoginLevel,
}

fn session_ended() -> Problem {
    bad_token("the session of the token has ended")
}

pub async fn resolve_token(state: web::Data<State>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let bearer = RequestCredential::find_bearer(&request)?;
    let token = bearer.ok_or_else(|| no_credentials("send the token as Authorization: Bearer"))?.text;
    // A handle is its own proof, as an ICAT session id is.
    let handle = if is_session_handle(&token) { token } else { state.tokens.verify_token(&token).await?.sid };
    let login = state.logins.find_live_login(handle).await?.ok_or_else(session_ended)?;
    let level = to_login_level(&login.row);
    let session = login.session;
    // The session may have been ended at ICAT. While ICAT is down, that cannot be checked, but the session cannot be used
    // either.
    if let Err(IcatError::Refused { code: IcatCode::Session, .. }) = state.icat.get_session(&session.id).await {
        return Err(session_ended());
    }
    Ok(HttpResponse::Ok().json(ResolvedSession {
        session_id: session.id,
        user_name: session.user_name,
        expires_at: session.ends_at,
        level,
    }))
}
