//! Signed URLs of single files of a selection, which need no session: a short-lived token names the file. The key is a row
//! of the database, created by the first replica that needs it, so that every replica accepts the tokens of the others.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use service_kit::signed_url::{UrlSigner, Verified};
use service_kit::{Clock, Ctx, Db, Ids, Problem};
use tokio::sync::OnceCell;

use crate::error::bad_token;
use crate::store;

/// Tokens that the suite signs for other purposes must not open files.
const AUDIENCE: &str = "undulator-download-file";
const KEY_BYTES: usize = 32;

/// Signs and verifies the tokens in URLs.
pub struct SignedUrls {
    db: Db,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    signer: OnceCell<UrlSigner>,
}

/// One file of a manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileToken {
    pub manifest: i64,
    #[serde(rename = "place")]
    pub member: usize,
}

impl SignedUrls {
    pub fn new(ctx: &Ctx) -> Self {
        let (clock, ids) = (Arc::clone(&ctx.clock), Arc::clone(&ctx.ids));
        Self { db: ctx.db.clone(), clock, ids, signer: OnceCell::new() }
    }

    /// What signs tokens; load it once for many of them.
    pub async fn load_signer(&self) -> Result<&UrlSigner, Problem> {
        let load = async || UrlSigner::new(AUDIENCE, &self.load_secret().await?);
        self.signer.get_or_try_init(load).await
    }

    /// The file that a token names; 403 if it is invalid or has expired.
    pub async fn verify_token(&self, token: &str) -> Result<FileToken, Problem> {
        match self.load_signer().await?.verify_token(token, self.clock.now().as_second()) {
            Some(Verified::Valid(file)) => Ok(file),
            Some(Verified::Expired) | None => Err(bad_token()),
        }
    }

    async fn load_secret(&self) -> Result<Vec<u8>, Problem> {
        if let Some(secret) = store::signing_keys::get_signing_key(&mut self.db.read().await?).await? {
            return Ok(secret);
        }
        let mut fresh = vec![0; KEY_BYTES];
        self.ids.fill_random(&mut fresh);
        let now = self.clock.now_micros();
        self.db.write(async |tx| store::signing_keys::create_signing_key(tx, fresh.clone(), now).await).await?;
        let stored = store::signing_keys::get_signing_key(&mut self.db.read().await?).await?;
        stored.ok_or_else(|| Problem::internal("the signing key is missing although it was stored"))
    }
}
