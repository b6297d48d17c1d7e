//! Keys of programs: known by their SHA-256, bound to a user, scopes and an end. Some stand in the settings, and others are
//! [stored by auth](crate::stored_api_keys).

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use service_kit::config::ApiKeyConfig;
use service_kit::fulltext::fold_text;
use service_kit::{Code, Problem, sha256_hex};

/// What a key may be used for, and in whose name. Auth answers so about keys that it stores.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKey {
    pub name: String,
    /// ICAT user name.
    pub user: String,
    pub scopes: Vec<String>,
    /// The instruments that the key may write for; empty: every instrument.
    pub instruments: Vec<String>,
    pub expires: Timestamp,
}

/// Why a key is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApiKeyRefusal {
    Expired,
    /// It never existed, was revoked, or its user's account is closed.
    Unknown,
    /// It is one of those that auth stores, and there is no auth.
    NoAuthService,
}

impl From<ApiKeyRefusal> for Problem {
    fn from(refusal: ApiKeyRefusal) -> Self {
        let (slug, text) = match refusal {
            ApiKeyRefusal::Expired => ("identity/expired", "this API key has expired; ask for a new one"),
            ApiKeyRefusal::Unknown => (
                "identity/unknown-api-key",
                "this API key is not known here: it is mistyped, or has been revoked or removed from the settings; ask the \
                 operator for a key",
            ),
            ApiKeyRefusal::NoAuthService => (
                "identity/no-auth-service",
                "this API key belongs to an auth service, and this service knows none (setting identity.auth_url); tell the \
                 operator, or use a key of the settings",
            ),
        };
        Self::new(Code::Unauthenticated, slug, text)
    }
}

impl ApiKey {
    pub(crate) fn is_expired(&self, now: Timestamp) -> bool {
        now >= self.expires
    }

    /// Whether the key may write for an instrument; names are compared without case, as the logbook does.
    pub fn may_write_for_instrument(&self, instrument: &str) -> bool {
        self.instruments.is_empty()
            || self.instruments.iter().any(|allowed| fold_text(allowed) == fold_text(instrument))
    }
}

#[derive(Debug, Default)]
pub struct ApiKeys(HashMap<String, Arc<ApiKey>>);

impl ApiKeys {
    pub fn new(config: &[ApiKeyConfig]) -> Self {
        let key = |key: &ApiKeyConfig| ApiKey {
            name: key.name.clone(),
            user: key.user.clone(),
            scopes: key.scopes.clone(),
            instruments: key.instruments.clone(),
            expires: key.expires,
        };
        Self(config.iter().map(|config| (config.sha256.to_ascii_lowercase(), Arc::new(key(config)))).collect())
    }

    /// `None` if it is no key of ours; what is compared is a digest, so that time tells nothing about the key.
    pub fn find_valid_key(&self, credential: &str, now: Timestamp) -> Option<Result<Arc<ApiKey>, Problem>> {
        let key = self.0.get(&sha256_hex(credential))?;
        Some(if key.is_expired(now) { Err(ApiKeyRefusal::Expired.into()) } else { Ok(Arc::clone(key)) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_by_its_digest_until_it_expires() {
        let keys = ApiKeys::new(&[ApiKeyConfig {
            name: "beamline".to_owned(),
            sha256: "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD".to_owned(),
            user: "simple/acquisition".to_owned(),
            scopes: vec!["logbook:write".to_owned()],
            instruments: Vec::new(),
            expires: "2026-02-01T00:00:00Z".parse().unwrap(),
        }]);
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let found = keys.find_valid_key("abc", at("2026-01-31T23:59:59Z")).unwrap().unwrap();
        assert_eq!(found.user, "simple/acquisition");
        assert_eq!(
            keys.find_valid_key("abc", at("2026-02-01T00:00:00Z")).unwrap().unwrap_err().slug,
            "identity/expired"
        );
        assert!(keys.find_valid_key("abd", at("2026-01-01T00:00:00Z")).is_none());
    }
}
