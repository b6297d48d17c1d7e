//! Keys of programs: known by their SHA-256, bound to a user, scopes and an end.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use service_kit::config::ApiKeyConfig;
use service_kit::fulltext::fold_text;
use service_kit::{Code, Problem, sha256_hex};

/// What a key may be used for, and in whose name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    pub name: String,
    pub user: String,
    pub scopes: Vec<String>,
    /// The instruments that the key may write for; empty: every instrument.
    pub instruments: Vec<String>,
    expires: Timestamp,
}

impl ApiKey {
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
        if now < key.expires {
            return Some(Ok(Arc::clone(key)));
        }
        let text = "this API key has expired; ask for a new one";
        Some(Err(Problem::new(Code::Unauthenticated, "identity/expired", text)))
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
