//! Claims of tokens of identity providers, which do not all keep to the types of `OpenID` Connect: a claim of another type
//! counts as missing.

use jiff::SignedDuration;
use serde::Deserialize;
use serde_json::{Map, Value};
use service_kit::Micros;

/// The claims of a token.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(transparent)]
pub struct ProviderClaims(Map<String, Value>);

impl ProviderClaims {
    pub fn new(claims: Map<String, Value>) -> Self {
        Self(claims)
    }

    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// A text that is not empty.
    pub fn get_text(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_str().filter(|text| !text.is_empty())
    }

    /// A time in seconds since 1970 UTC (RFC 7519, 2); parts of a second are dropped.
    pub fn get_seconds(&self, name: &str) -> Option<i64> {
        let value = self.get(name)?;
        value.as_i64().or_else(|| Some(SignedDuration::try_from_secs_f64(value.as_f64()?).ok()?.as_secs()))
    }

    /// The same as a time of this program.
    pub fn get_time(&self, name: &str) -> Option<Micros> {
        self.get_seconds(name)?.checked_mul(1_000_000).map(Micros::from_i64)
    }

    /// The texts of a list. ORCID sends `amr` as a text, which is one value, and `aud` may be a text everywhere (RFC 7519, 4.1.3).
    pub fn list_texts(&self, name: &str) -> Vec<&str> {
        self.get(name).map_or_else(Vec::new, to_texts)
    }

    /// The same at a place within the claims (JSON pointer, RFC 6901).
    pub fn list_texts_at(&self, pointer: &str) -> Vec<&str> {
        let (name, rest) = pointer
            .strip_prefix('/')
            .map_or((pointer, ""), |inner| inner.find('/').map_or((inner, ""), |end| inner.split_at(end)));
        let name = name.replace("~1", "/").replace("~0", "~");
        self.get(&name).and_then(|claim| claim.pointer(rest)).map_or_else(Vec::new, to_texts)
    }
}

fn to_texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(values) => values.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_claim_of_another_type_is_missing() {
        let claims = |value: Value| serde_json::from_value::<ProviderClaims>(json!({"c": value})).unwrap();
        assert_eq!(claims(json!("a")).get_text("c"), Some("a"));
        for wrong in [json!(""), json!(1), json!(["a"]), json!({"a": 1}), json!(null), json!(true)] {
            assert_eq!(claims(wrong.clone()).get_text("c"), None, "{wrong}");
        }
        assert_eq!(claims(json!(1_768_208_400)).get_seconds("c"), Some(1_768_208_400));
        assert_eq!(claims(json!(1_768_208_400.9)).get_seconds("c"), Some(1_768_208_400));
        for wrong in [json!("1768208400"), json!(1e300), json!(null), json!([1])] {
            assert_eq!(claims(wrong.clone()).get_seconds("c"), None, "{wrong}");
        }
        assert_eq!(claims(json!("mfa")).list_texts("c"), ["mfa"]);
        assert_eq!(claims(json!("pwd otp")).list_texts("c"), ["pwd otp"]);
        assert_eq!(claims(json!(["pwd", 1, "otp"])).list_texts("c"), ["pwd", "otp"]);
        assert!(claims(json!({"otp": true})).list_texts("c").is_empty());
    }

    #[test]
    fn a_pointer_leads_into_claims() {
        let claims = json!({"groups": ["a"], "realm": {"roles": ["b", 1]}, "urn:x/y": {"~": "c"}});
        let claims: ProviderClaims = serde_json::from_value(claims).unwrap();
        for (pointer, expected) in [
            ("/groups", &["a"][..]),
            ("/realm/roles", &["b"]),
            ("/realm/roles/0", &["b"]),
            ("/urn:x~1y/~0", &["c"]),
            ("/realm", &[]),
            ("/none/roles", &[]),
            ("/groups/7", &[]),
        ] {
            assert_eq!(claims.list_texts_at(pointer), expected, "{pointer}");
        }
    }
}
