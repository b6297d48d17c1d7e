//! Addresses of attachments that need no session: portals show entries whose images they load without a header. A signed URL
//! opens one attachment for an hour; its token stands where old portals have the session.

use std::sync::Arc;

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde::{Deserialize, Serialize};
use service_kit::{Clock, Problem};

use crate::error::Error;

const AUDIENCE: &str = "undulator-logbook-attachment";
const LIFETIME_SECONDS: i64 = 3600;

#[derive(Serialize, Deserialize)]
struct Claims {
    aud: String,
    exp: i64,
    sub: String,
}

/// Proof that a request has a signed URL of an attachment.
pub struct VerifiedLink(());

/// Signs addresses of attachments, and verifies them.
pub struct SignedUrls {
    /// A secret that all replicas share.
    key: Vec<u8>,
    clock: Arc<dyn Clock>,
}

impl SignedUrls {
    pub fn new(key: Vec<u8>, clock: Arc<dyn Clock>) -> Self {
        Self { key, clock }
    }

    /// `/resource/<token>/file/download?resourceId=<id>`
    pub fn sign(&self, attachment: &str) -> Result<String, Problem> {
        let exp = self.clock.now().as_second() + LIFETIME_SECONDS;
        let claims = Claims { aud: AUDIENCE.to_owned(), exp, sub: attachment.to_owned() };
        let key = EncodingKey::from_secret(&self.key).map_err(Problem::internal)?;
        let token = encode(&Header::new(Algorithm::HS256), &claims, &key).map_err(Problem::internal)?;
        Ok(format!("/resource/{token}/file/download?resourceId={attachment}"))
    }

    /// Verifies that a credential is a token for this attachment. `None` if it is something else; an error if it is a token for
    /// another attachment or has expired.
    pub fn verify(&self, credential: &str, attachment: &str) -> Result<Option<VerifiedLink>, Problem> {
        if credential.matches('.').count() != 2 {
            return Ok(None);
        }
        let mut rules = Validation::new(Algorithm::HS256);
        rules.set_audience(&[AUDIENCE]);
        // By the service's own clock, below.
        rules.validate_exp = false;
        let key = DecodingKey::from_secret(&self.key).map_err(Problem::internal)?;
        // An access token is signed differently; the identity verifies it.
        let Ok(token) = decode::<Claims>(credential, &key, &rules) else { return Ok(None) };
        if token.claims.exp <= self.clock.now().as_second() || token.claims.sub != attachment {
            return Err(Error::InvalidLink.into());
        }
        Ok(Some(VerifiedLink(())))
    }
}
