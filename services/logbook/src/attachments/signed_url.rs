//! Addresses of attachments that need no session: portals show contents whose images they load without a header. A
//! short-lived ticket opens one attachment; it stands where old portals have the session.

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde::{Deserialize, Serialize};
use service_kit::Problem;

use crate::error::Error;
use crate::state::State;

const AUDIENCE: &str = "undulator-logbook-attachment";
const LIFETIME_SECONDS: i64 = 3600;

#[derive(Serialize, Deserialize)]
struct Ticket {
    aud: String,
    exp: i64,
    sub: String,
}

/// `/resource/<ticket>/file/download?resourceId=<id>`
pub fn address(state: &State, attachment: &str) -> Result<String, Problem> {
    let exp = state.clock.now().as_second() + LIFETIME_SECONDS;
    let ticket = Ticket { aud: AUDIENCE.to_owned(), exp, sub: attachment.to_owned() };
    let key = EncodingKey::from_secret(state.keys.tickets()).map_err(Problem::internal)?;
    let ticket = encode(&Header::new(Algorithm::HS256), &ticket, &key).map_err(Problem::internal)?;
    Ok(format!("/resource/{ticket}/file/download?resourceId={attachment}"))
}

/// Whether a credential is a ticket for this attachment; `None` if it is something else.
pub fn opens(state: &State, credential: &str, attachment: &str) -> Result<Option<()>, Problem> {
    if credential.matches('.').count() != 2 {
        return Ok(None);
    }
    let mut rules = Validation::new(Algorithm::HS256);
    rules.set_audience(&[AUDIENCE]);
    // By the service's own clock, below.
    rules.validate_exp = false;
    let key = DecodingKey::from_secret(state.keys.tickets()).map_err(Problem::internal)?;
    // A token of auth is signed otherwise, and is for the identity to judge.
    let Ok(ticket) = decode::<Ticket>(credential, &key, &rules) else { return Ok(None) };
    if ticket.claims.exp <= state.clock.now().as_second() || ticket.claims.sub != attachment {
        return Err(Error::BadTicket.into());
    }
    Ok(Some(()))
}
