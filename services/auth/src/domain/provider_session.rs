//! A login at an identity provider behind one of ours.

use service_kit::{Micros, Secret, sha256_hex};

use super::provider_claims::ProviderClaims;

/// Whose login at a provider it is.
#[derive(Debug, Clone)]
pub struct ProviderSession {
    pub issuer: String,
    /// SHA-256 of the provider's name for the user.
    pub subject_hash: String,
    /// SHA-256 of the provider's name for the session, if it has one.
    pub session_hash: Option<String>,
    /// When the ID token was issued, by the provider's clock.
    pub issued_at: Micros,
    /// Tells the provider later who logs out, if the settings say so; `None` if a client brought the ID token, which is the client's.
    pub id_token: Option<Secret>,
}

impl ProviderSession {
    /// As the claims of a valid ID token say.
    pub fn from_claims(issuer: &str, claims: &ProviderClaims) -> Self {
        Self {
            issuer: issuer.to_owned(),
            subject_hash: sha256_hex(claims.get_text("sub").unwrap_or_default()),
            session_hash: claims.get_text("sid").map(sha256_hex),
            issued_at: claims.get_time("iat").unwrap_or_default(),
            id_token: None,
        }
    }
}
