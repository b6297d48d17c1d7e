//! The logbook's own keys: made once, kept in the database, the same in all replicas.

use aws_lc_rs::signature::Ed25519KeyPair;
use service_kit::{BuildError, Problem};
use tokio::sync::OnceCell;

use crate::config::Config;
use crate::state::State;
use crate::store::keys::{self, Purpose};

const BYTES: usize = 32;

/// The keys that are known here by now.
#[derive(Default)]
pub struct Keys {
    tickets: OnceCell<Vec<u8>>,
    seals: OnceCell<Ed25519KeyPair>,
}

impl Keys {
    /// A key that the operator keeps elsewhere is read at the start.
    pub fn of(config: &Config) -> Result<Self, BuildError> {
        let file = &config.signing_key_file;
        if file.as_os_str().is_empty() {
            return Ok(Self::default());
        }
        let wrong = |what: &str| BuildError::Other(format!("logbook.signing_key_file {}: {what}", file.display()));
        let text = std::fs::read_to_string(file).map_err(|e| wrong(&e.to_string()))?;
        let der = pem::parse(text).map_err(|_| wrong("it is no PEM file"))?;
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der.contents());
        let pair = pair.map_err(|_| wrong("it holds no Ed25519 key (openssl genpkey -algorithm ed25519)"))?;
        Ok(Self { seals: OnceCell::new_with(Some(pair)), ..Self::default() })
    }

    /// Signs addresses of attachments.
    pub async fn tickets(&self, state: &State) -> Result<&[u8], Problem> {
        self.tickets.get_or_try_init(async || secret(state, Purpose::Tickets).await).await.map(Vec::as_slice)
    }

    /// Signs closed logbooks.
    pub async fn seals(&self, state: &State) -> Result<&Ed25519KeyPair, Problem> {
        let made = self.seals.get_or_try_init(async || {
            let seed = secret(state, Purpose::Seals).await?;
            Ed25519KeyPair::from_seed_unchecked(&seed).map_err(|e| Problem::internal(format!("the stored key: {e}")))
        });
        made.await
    }
}

async fn secret(state: &State, purpose: Purpose) -> Result<Vec<u8>, Problem> {
    if let Some(secret) = keys::get(&mut state.db.read().await?, purpose).await? {
        return Ok(secret);
    }
    let mut fresh = vec![0; BYTES];
    state.ids.fill(&mut fresh);
    state.db.write(async |tx| keys::create(tx, purpose, fresh.clone()).await).await?;
    let stored = keys::get(&mut state.db.read().await?, purpose).await?;
    stored.ok_or_else(|| Problem::internal("a key was stored and is not there"))
}
