//! The keys that an issuer publishes, with which the signatures of its tokens are verified.

use std::sync::Arc;

use jsonwebtoken::jwk::JwkSet;
use service_kit::Clock;

use super::cached_document::CachedDocument;
use super::http::{ProviderFailure, ProviderHttp};
use super::signature::{SignatureFault, UnverifiedToken};
use crate::domain::provider_claims::ProviderClaims;

/// Why a signature was not verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyFault {
    Signature(SignatureFault),
    /// The keys cannot be fetched.
    Provider(ProviderFailure),
}

/// The keys at one address.
pub struct PublishedKeys(CachedDocument<JwkSet>);

impl PublishedKeys {
    pub fn new(http: ProviderHttp, clock: Arc<dyn Clock>) -> Self {
        Self(CachedDocument::new(http, "/jwks", clock))
    }

    /// The claims of a token that one of the keys at `url` has signed. For a key that is not known yet, the keys are fetched again, at
    /// most once a minute.
    pub async fn verify_signature(&self, url: &str, token: &UnverifiedToken<'_>) -> Result<ProviderClaims, KeyFault> {
        let keys = self.0.get(url, |_| Ok(())).await.map_err(KeyFault::Provider)?;
        match token.verify_with_keys(&keys) {
            // Published since.
            Err(SignatureFault::UnknownKey) => {
                let keys = self.refetch_keys(url).await.map_err(KeyFault::Provider)?;
                token.verify_with_keys(&keys).map_err(KeyFault::Signature)
            }
            verified => verified.map_err(KeyFault::Signature),
        }
    }

    /// Fetches the keys again although they are not old; at most once a minute.
    pub async fn refetch_keys(&self, url: &str) -> Result<Arc<JwkSet>, ProviderFailure> {
        self.0.refetch(url, |_| Ok(())).await
    }
}
