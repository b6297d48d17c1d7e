//! The key that signs closed logbooks: created once, kept in the database, the same in all replicas.

use std::path::Path;

use aws_lc_rs::signature::Ed25519KeyPair;
use service_kit::{BuildError, Db, Ids};

use crate::history::signature::PublicKey;
use crate::store::keys::{Purpose, load_or_create_key};

/// Signs closed logbooks.
pub struct SigningKey(Ed25519KeyPair);

impl SigningKey {
    /// With `signing_key_file`, that key instead of the one in the database.
    pub async fn load(db: &Db, ids: &dyn Ids, signing_key_file: &Path) -> Result<Self, BuildError> {
        if !signing_key_file.as_os_str().is_empty() {
            return read_signing_key(signing_key_file).map(Self);
        }
        let seed = load_or_create_key(db, ids, Purpose::ClosingSignatures).await?;
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed);
        pair.map(Self).map_err(|e| BuildError::Other(format!("the key that signs closed logbooks is unusable: {e}")))
    }

    pub fn pair(&self) -> &Ed25519KeyPair {
        &self.0
    }

    pub fn public_key(&self) -> PublicKey {
        PublicKey::from_pair(&self.0)
    }
}

fn read_signing_key(file: &Path) -> Result<Ed25519KeyPair, BuildError> {
    let wrong = |what: &str| BuildError::Other(format!("logbook.signing_key_file {}: {what}", file.display()));
    let text = std::fs::read_to_string(file).map_err(|e| wrong(&e.to_string()))?;
    let der = pem::parse(text).map_err(|_| wrong("it is no PEM file"))?;
    let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der.contents());
    pair.map_err(|_| wrong("it holds no Ed25519 key (openssl genpkey -algorithm ed25519)"))
}
