//! Signed URLs of single files of a selection, which need no session: a short-lived token names the file. The key is a row
//! of the database, created by the first replica that needs it, so that every replica accepts the tokens of the others.

use std::sync::Arc;

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde::{Deserialize, Serialize};
use service_kit::{Clock, Code, Ctx, Db, Ids, Problem};
use tokio::sync::OnceCell;

use crate::store;

/// Tokens that the suite signs for other purposes must not open files.
const AUDIENCE: &str = "undulator-download-file";
const KEY_BYTES: usize = 32;

/// Signs and verifies the tokens in URLs.
pub struct SignedUrls {
    db: Db,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    secret: OnceCell<Vec<u8>>,
}

/// One file of a manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileToken {
    aud: String,
    exp: i64,
    pub manifest: i64,
    #[serde(rename = "place")]
    pub member: usize,
}

impl FileToken {
    /// `expires` is in seconds since 1970 UTC.
    pub fn new(manifest: i64, member: usize, expires: i64) -> Self {
        Self { aud: AUDIENCE.to_owned(), exp: expires, manifest, member }
    }

    pub fn sign_token(&self, key: &EncodingKey) -> Result<String, Problem> {
        encode(&Header::new(Algorithm::HS256), self, key).map_err(Problem::internal)
    }
}

impl SignedUrls {
    pub fn new(ctx: &Ctx) -> Self {
        let (clock, ids) = (Arc::clone(&ctx.clock), Arc::clone(&ctx.ids));
        Self { db: ctx.db.clone(), clock, ids, secret: OnceCell::new() }
    }

    /// The key that signs; load it once for many tokens.
    pub async fn load_signing_key(&self) -> Result<EncodingKey, Problem> {
        EncodingKey::from_secret(self.load_secret().await?).map_err(Problem::internal)
    }

    /// The file that a token names; 403 if it is invalid or has expired.
    pub async fn verify_token(&self, token: &str) -> Result<FileToken, Problem> {
        let refused = || Problem::new(Code::Forbidden, "download/bad-token", "The link is invalid or has expired");
        let mut rules = Validation::new(Algorithm::HS256);
        rules.set_audience(&[AUDIENCE]);
        // Checked below with the clock of the service.
        rules.validate_exp = false;
        let key = DecodingKey::from_secret(self.load_secret().await?).map_err(Problem::internal)?;
        let token = decode::<FileToken>(token, &key, &rules).map_err(|_| refused())?.claims;
        if token.exp <= self.clock.now().as_second() { Err(refused()) } else { Ok(token) }
    }

    async fn load_secret(&self) -> Result<&[u8], Problem> {
        let found = self.secret.get_or_try_init(async || {
            if let Some(secret) = store::signing_keys::get_signing_key(&mut self.db.read().await?).await? {
                return Ok(secret);
            }
            let mut fresh = vec![0; KEY_BYTES];
            self.ids.fill_random(&mut fresh);
            let now = self.clock.now_as_micros();
            self.db.write(async |tx| store::signing_keys::create_signing_key(tx, fresh.clone(), now).await).await?;
            let stored = store::signing_keys::get_signing_key(&mut self.db.read().await?).await?;
            stored.ok_or_else(|| Problem::internal("the signing key is missing although it was stored"))
        });
        found.await.map(Vec::as_slice)
    }
}
