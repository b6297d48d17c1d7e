//! Addresses of attachments that need no session: portals show contents whose images they load without a header. A
//! short-lived ticket opens one attachment; it stands where old portals have the session.

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde::{Deserialize, Serialize};
use service_kit::Problem;
use tokio::sync::OnceCell;

use crate::error::Error;
use crate::state::State;
use crate::store::keys;

const AUDIENCE: &str = "undulator-logbook-attachment";
const KEY_BYTES: usize = 32;
const LIFETIME_SECONDS: i64 = 3600;

/// The key, once it is known here.
#[derive(Default)]
pub struct Signer(OnceCell<Vec<u8>>);

#[derive(Serialize, Deserialize)]
struct Ticket {
    aud: String,
    exp: i64,
    sub: String,
}

/// `/resource/<ticket>/file/download?resourceId=<id>`
pub async fn address(state: &State, attachment: &str) -> Result<String, Problem> {
    let exp = state.clock.now().as_second() + LIFETIME_SECONDS;
    let ticket = Ticket { aud: AUDIENCE.to_owned(), exp, sub: attachment.to_owned() };
    let key = EncodingKey::from_secret(secret(state).await?);
    let ticket = encode(&Header::new(Algorithm::HS256), &ticket, &key).map_err(Problem::internal)?;
    Ok(format!("/resource/{ticket}/file/download?resourceId={attachment}"))
}

/// Whether a credential is a ticket for this attachment; `None` if it is something else.
pub async fn opens(state: &State, credential: &str, attachment: &str) -> Result<Option<()>, Problem> {
    if credential.matches('.').count() != 2 {
        return Ok(None);
    }
    let mut rules = Validation::new(Algorithm::HS256);
    rules.set_audience(&[AUDIENCE]);
    // By the service's own clock, below.
    rules.validate_exp = false;
    let key = DecodingKey::from_secret(secret(state).await?);
    // A token of auth is signed otherwise, and is for the identity to judge.
    let Ok(ticket) = decode::<Ticket>(credential, &key, &rules) else { return Ok(None) };
    if ticket.claims.exp <= state.clock.now().as_second() || ticket.claims.sub != attachment {
        return Err(Error::BadTicket.into());
    }
    Ok(Some(()))
}

async fn secret(state: &State) -> Result<&[u8], Problem> {
    let found = state.signer.0.get_or_try_init(async || {
        if let Some(secret) = keys::get(&mut state.db.read().await?).await? {
            return Ok(secret);
        }
        let mut fresh = vec![0; KEY_BYTES];
        state.ids.fill(&mut fresh);
        state.db.write(async |tx| keys::create(tx, fresh.clone()).await).await?;
        let stored = keys::get(&mut state.db.read().await?).await?;
        stored.ok_or_else(|| Problem::internal("the signing key was stored and is not there"))
    });
    found.await.map(Vec::as_slice)
}
