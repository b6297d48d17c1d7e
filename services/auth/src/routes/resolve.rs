//! `POST /sessions/resolve`, for other services alone: from an access token to the ICAT session behind it.

use actix_web::{HttpRequest, HttpResponse, web};
use icat_client::{IcatCode, IcatError};
use jiff::Timestamp;
use serde::Serialize;
use service_kit::{Problem, RequestCredential};

use crate::error::{bad_token, no_credentials};
use crate::sessions;
use crate::state::State;

/// The end is that of the session when the token was made.
#[derive(Serialize)]
struct Resolved {
    session_id: String,
    user_name: String,
    expires_at: Timestamp,
}

fn ended() -> Problem {
    bad_token("the session of the token has ended")
}

pub async fn post(state: web::Data<State>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let bearer = RequestCredential::find_bearer(&request)?;
    let token = bearer.ok_or_else(|| no_credentials("send the token as Authorization: Bearer"))?.text;
    let claims = state.tokens.verify(&token).await?;
    let found = sessions::find(&state, claims).await?;
    let session = found.map(|found| found.session).filter(|session| session.ends_at > state.clock.now());
    let session = session.ok_or_else(ended)?;
    if sessions::is_account_closed(&state, &session.user_name).await? {
        return Err(ended());
    }
    // The session may have been ended at ICAT itself. While ICAT is down nobody can tell, and nothing can be done with
    // the session either.
    if let Err(IcatError::Refused { code: IcatCode::Session, .. }) = state.icat.get_session(&session.id).await {
        return Err(ended());
    }
    Ok(HttpResponse::Ok().json(Resolved {
        session_id: session.id,
        user_name: session.user_name,
        expires_at: session.ends_at,
    }))
}
