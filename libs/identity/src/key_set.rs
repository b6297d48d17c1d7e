//! A published key set (RFC 7517), reduced to the keys that verify access tokens, and how long it may be cached.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::SignedDuration;
use jsonwebtoken::DecodingKey;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse};
use reqwest::header::{CACHE_CONTROL, HeaderMap};
use serde::Deserialize;
use serde_json::Value;

/// Of a set without `max-age`.
const DEFAULT_LIFETIME: SignedDuration = SignedDuration::from_mins(5);
const MIN_LIFETIME: SignedDuration = SignedDuration::from_mins(1);
const MAX_LIFETIME: SignedDuration = SignedDuration::from_hours(24);

/// Keys by their ids.
#[derive(Default)]
pub struct KeySet(HashMap<String, Arc<DecodingKey>>);

#[derive(Deserialize)]
struct Document {
    keys: Vec<Value>,
}

impl KeySet {
    /// `None` if the text is no key set. Keys of other kinds and for other uses are left out (RFC 7517, 5).
    pub fn parse_json(text: &[u8]) -> Option<Self> {
        let Document { keys } = serde_json::from_slice(text).ok()?;
        let mut set = HashMap::new();
        for (kid, key) in keys.into_iter().filter_map(parse_key) {
            set.entry(kid).or_insert(key);
        }
        Some(Self(set))
    }

    pub fn find_key(&self, kid: &str) -> Option<Arc<DecodingKey>> {
        self.0.get(kid).cloned()
    }
}

/// A key that verifies signatures with Ed25519, and its id.
fn parse_key(value: Value) -> Option<(String, Arc<DecodingKey>)> {
    let jwk: Jwk = serde_json::from_value(value).ok()?;
    let has_curve =
        matches!(&jwk.algorithm, AlgorithmParameters::OctetKeyPair(pair) if pair.curve == EllipticCurve::Ed25519);
    let has_use = matches!(jwk.common.public_key_use, None | Some(PublicKeyUse::Signature));
    let has_algorithm = matches!(jwk.common.key_algorithm, None | Some(KeyAlgorithm::EdDSA));
    if !(has_curve && has_use && has_algorithm) {
        return None;
    }
    let key = DecodingKey::from_jwk(&jwk).ok()?;
    Some((jwk.common.key_id?, Arc::new(key)))
}

/// How long a response may be cached: its `max-age` (RFC 9111, 5.2.2.1), at least a minute and at most a day.
pub fn cache_lifetime(headers: &HeaderMap) -> SignedDuration {
    let directives = headers.get_all(CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok());
    let mut directives = directives.flat_map(|value| value.split(',')).map(|text| text.trim().to_ascii_lowercase());
    let lifetime = directives.find_map(|directive| match directive.as_str() {
        "no-cache" | "no-store" => Some(SignedDuration::ZERO),
        other => {
            let seconds = other.strip_prefix("max-age=")?.trim_matches('"').parse::<u32>().ok()?;
            Some(SignedDuration::from_secs(seconds.into()))
        }
    });
    lifetime.unwrap_or(DEFAULT_LIFETIME).clamp(MIN_LIFETIME, MAX_LIFETIME)
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;
    use serde_json::json;

    use super::*;

    /// The example of RFC 8037, A.2.
    const POINT: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";

    fn is_usable(change: &Value) -> bool {
        let mut key = json!({"kty": "OKP", "crv": "Ed25519", "x": POINT, "kid": "one"});
        for (name, value) in change.as_object().unwrap() {
            key[name] = value.clone();
        }
        let text = json!({"keys": [{"kty": "new kind"}, 7, key]}).to_string();
        KeySet::parse_json(text.as_bytes()).unwrap().find_key("one").is_some()
    }

    #[test]
    fn only_keys_that_verify_access_tokens_are_used() {
        for change in [json!({}), json!({"use": "sig"}), json!({"alg": "EdDSA"}), json!({"unknown": [1]})] {
            assert!(is_usable(&change), "{change}");
        }
        for change in [
            json!({"use": "enc"}),
            json!({"alg": "HS256"}),
            json!({"alg": "unknown"}),
            json!({"crv": "X25519"}),
            json!({"x": "not base64url!"}),
            json!({"kid": 7}),
            json!({"kty": "RSA", "n": POINT, "e": "AQAB"}),
            json!({"kty": "oct", "k": POINT}),
        ] {
            assert!(!is_usable(&change), "{change}");
        }
        for text in ["", "[]", "{}", r#"{"keys":{}}"#] {
            assert!(KeySet::parse_json(text.as_bytes()).is_none(), "{text}");
        }
    }

    #[test]
    fn a_set_is_cached_as_long_as_its_server_says_between_a_minute_and_a_day() {
        for (values, seconds) in [
            (&[][..], 300),
            (&["public, max-age=600"], 600),
            (&["public", "Max-Age=\"900\", must-revalidate"], 900),
            (&["max-age=3"], 60),
            (&["no-store"], 60),
            (&["no-cache, max-age=600"], 60),
            (&["max-age=4000000000"], 86_400),
            (&["max-age=-1"], 300),
            (&["max-age=often, s-maxage=900"], 300),
        ] {
            let headers = values.iter().map(|value| (CACHE_CONTROL, HeaderValue::from_static(value)));
            let mut map = HeaderMap::new();
            for (name, value) in headers {
                map.append(name, value);
            }
            assert_eq!(cache_lifetime(&map).as_secs(), seconds, "{values:?}");
        }
    }
}
