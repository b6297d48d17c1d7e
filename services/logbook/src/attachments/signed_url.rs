//! Addresses of attachments that need no session: portals show contents whose images they load without a header. A
//! short-lived ticket opens one attachment; it stands where old portals have the session.

use serde::{Deserialize, Serialize};
use service_kit::Problem;
use service_kit::signed_url::{UrlSigner, Verified};

use crate::error::Error;
use crate::state::State;

const AUDIENCE: &str = "undulator-logbook-attachment";
const LIFETIME_SECONDS: i64 = 3600;

#[derive(Serialize, Deserialize)]
struct Ticket {
    sub: String,
}

/// `/resource/<ticket>/file/download?resourceId=<id>`
pub fn address(state: &State, attachment: &str) -> Result<String, Problem> {
    let exp = state.clock.now().as_second() + LIFETIME_SECONDS;
    let ticket = signer(state)?.sign_token(Ticket { sub: attachment.to_owned() }, exp)?;
    Ok(format!("/resource/{ticket}/file/download?resourceId={attachment}"))
}

/// Whether a credential is a ticket for this attachment; `None` if it is something else.
pub fn opens(state: &State, credential: &str, attachment: &str) -> Result<Option<()>, Problem> {
    if credential.matches('.').count() != 2 {
        return Ok(None);
    }
    // A token of auth is signed otherwise, and is for the identity to judge.
    match signer(state)?.verify_token::<Ticket>(credential, state.clock.now().as_second()) {
        None => Ok(None),
        Some(Verified::Valid(ticket)) if ticket.sub == attachment => Ok(Some(())),
        Some(_) => Err(Error::BadTicket.into()),
    }
}

fn signer(state: &State) -> Result<UrlSigner, Problem> {
    UrlSigner::new(AUDIENCE, state.keys.tickets())
}
