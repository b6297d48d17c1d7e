//! Addresses of attachments that need no session: portals show entries whose images they load without a header. A signed URL
//! opens one attachment for an hour; its token stands where old portals have the session.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use service_kit::signed_url::{UrlSigner, Verified};
use service_kit::{Clock, Problem};

use crate::error::Error;

const AUDIENCE: &str = "undulator-logbook-attachment";
const LIFETIME_SECONDS: i64 = 3600;

/// What a link is for.
#[derive(Serialize, Deserialize)]
struct Claims {
    /// The attachment's id.
    sub: String,
}

/// Proof that a request has a signed URL of an attachment.
pub struct VerifiedLink(());

/// Signs addresses of attachments, and verifies them.
pub struct SignedUrls {
    signer: UrlSigner,
    clock: Arc<dyn Clock>,
}

impl SignedUrls {
    /// With a secret that all replicas share.
    pub fn new(key: &[u8], clock: Arc<dyn Clock>) -> Result<Self, Problem> {
        Ok(Self { signer: UrlSigner::new(AUDIENCE, key)?, clock })
    }

    /// `/resource/<token>/file/download?resourceId=<id>`
    pub fn sign_attachment_url(&self, attachment: &str) -> Result<String, Problem> {
        let expiry = self.clock.now().as_second() + LIFETIME_SECONDS;
        let token = self.signer.sign_token(Claims { sub: attachment.to_owned() }, expiry)?;
        Ok(format!("/resource/{token}/file/download?resourceId={attachment}"))
    }

    /// Verifies that a credential is a token for this attachment. `None` if it is something else; an error if it is a token for
    /// another attachment or has expired.
    pub fn verify(&self, credential: &str, attachment: &str) -> Result<Option<VerifiedLink>, Problem> {
        if credential.matches('.').count() != 2 {
            return Ok(None);
        }
        // An access token is signed differently; the identity verifies it.
        match self.signer.verify_token::<Claims>(credential, self.clock.now().as_second()) {
            None => Ok(None),
            Some(Verified::Valid(claims)) if claims.sub == attachment => Ok(Some(VerifiedLink(()))),
            Some(_) => Err(Error::InvalidLink.into()),
        }
    }
}
