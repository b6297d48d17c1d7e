//! Addresses of single files of a selection, which need no session: a short-lived token names the file. The key is a row,
//! made by the first who needs it, so that every replica takes what another has signed.

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde::{Deserialize, Serialize};
use service_kit::{Code, Problem};
use tokio::sync::OnceCell;

use crate::state::State;
use crate::store;

/// Tokens of the suite that are meant for something else must not open files.
const AUDIENCE: &str = "undulator-download-file";
const KEY_BYTES: usize = 32;

/// The key, once it is known here.
#[derive(Default)]
pub struct Signer(OnceCell<Vec<u8>>);

/// One file of a manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticket {
    aud: String,
    exp: i64,
    pub manifest: i64,
    pub place: usize,
}

impl Ticket {
    /// `expires` is in seconds since 1970 UTC.
    pub fn new(manifest: i64, place: usize, expires: i64) -> Self {
        Self { aud: AUDIENCE.to_owned(), exp: expires, manifest, place }
    }
}

/// The key that signs; for many tickets at once.
pub async fn key(state: &State) -> Result<EncodingKey, Problem> {
    EncodingKey::from_secret(secret(state).await?).map_err(Problem::internal)
}

pub fn sign(key: &EncodingKey, ticket: &Ticket) -> Result<String, Problem> {
    encode(&Header::new(Algorithm::HS256), ticket, key).map_err(Problem::internal)
}

/// The file that a token opens.
pub async fn open(state: &State, token: &str) -> Result<Ticket, Problem> {
    let refused = || Problem::new(Code::Forbidden, "download/bad-token", "This address is not valid, or not any more");
    let mut rules = Validation::new(Algorithm::HS256);
    rules.set_audience(&[AUDIENCE]);
    // By the service's own clock, below.
    rules.validate_exp = false;
    let key = DecodingKey::from_secret(secret(state).await?).map_err(Problem::internal)?;
    let ticket = decode::<Ticket>(token, &key, &rules).map_err(|_| refused())?.claims;
    if ticket.exp <= state.clock.now().as_second() { Err(refused()) } else { Ok(ticket) }
}

async fn secret(state: &State) -> Result<&[u8], Problem> {
    let found = state.signer.0.get_or_try_init(async || {
        if let Some(secret) = store::keys::get(&mut state.db.read().await?).await? {
            return Ok(secret);
        }
        let mut fresh = vec![0; KEY_BYTES];
        state.ids.fill_random(&mut fresh);
        let now = state.clock.now_micros();
        state.db.write(async |tx| store::keys::create(tx, fresh.clone(), now).await).await?;
        let stored = store::keys::get(&mut state.db.read().await?).await?;
        stored.ok_or_else(|| Problem::internal("the signing key was stored and is not there"))
    });
    found.await.map(Vec::as_slice)
}
