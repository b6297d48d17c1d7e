//! The logbook's own keys: created once, kept in the database, the same in all replicas.

use std::path::Path;

use aws_lc_rs::signature::Ed25519KeyPair;
use service_kit::{BuildError, Db, Ids};

use crate::store::keys;
use crate::store::keys::Purpose;

const BYTES: usize = 32;

/// All keys, read before the first request comes: no request waits for a connection to read one while it holds another.
pub struct Keys {
    tickets: Vec<u8>,
    seals: Ed25519KeyPair,
}

impl Keys {
    /// With `signing_key_file`, that key signs closed logbooks instead of the one in the database.
    pub async fn load(db: &Db, ids: &dyn Ids, signing_key_file: &Path) -> Result<Self, BuildError> {
        let seals = if signing_key_file.as_os_str().is_empty() {
            let seed = load_or_create(db, ids, Purpose::Seals).await?;
            Ed25519KeyPair::from_seed_unchecked(&seed)
                .map_err(|e| BuildError::Other(format!("the key that signs closed logbooks is unusable: {e}")))?
        } else {
            read_signing_key(signing_key_file)?
        };
        Ok(Self { tickets: load_or_create(db, ids, Purpose::Tickets).await?, seals })
    }

    /// Signs addresses of attachments.
    pub fn tickets(&self) -> &[u8] {
        &self.tickets
    }

    /// Signs closed logbooks.
    pub fn seals(&self) -> &Ed25519KeyPair {
        &self.seals
    }
}

fn read_signing_key(file: &Path) -> Result<Ed25519KeyPair, BuildError> {
    let wrong = |what: &str| BuildError::Other(format!("logbook.signing_key_file {}: {what}", file.display()));
    let text = std::fs::read_to_string(file).map_err(|e| wrong(&e.to_string()))?;
    let der = pem::parse(text).map_err(|_| wrong("it is no PEM file"))?;
    let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der.contents());
    pair.map_err(|_| wrong("it holds no Ed25519 key (openssl genpkey -algorithm ed25519)"))
}

async fn load_or_create(db: &Db, ids: &dyn Ids, purpose: Purpose) -> Result<Vec<u8>, BuildError> {
    if let Some(secret) = keys::get(&mut db.read().await?, purpose).await? {
        return Ok(secret);
    }
    let mut fresh = vec![0; BYTES];
    ids.fill_random(&mut fresh);
    db.write(async |tx| keys::create(tx, purpose, fresh.clone()).await).await?;
    // Another replica may have been faster; its key counts.
    let stored = keys::get(&mut db.read().await?, purpose).await?;
    stored.ok_or_else(|| BuildError::Other("a key of the logbook was stored and is not there".to_owned()))
}
