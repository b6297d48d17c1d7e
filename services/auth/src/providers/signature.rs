//! Verifies the signatures of tokens of identity providers with their published keys (RFC 7515, RFC 7517).

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{Jwk, JwkSet, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation, decode, decode_header};
use serde_json::{Map, Value};

use crate::domain::provider_claims::ProviderClaims;

/// Longer texts are not tokens.
const MAX_TOKEN_BYTES: usize = 16 * 1024;
/// Signatures with a public key; what a token says of its own is compared with them.
const ALGORITHMS: [Algorithm; 6] =
    [Algorithm::RS256, Algorithm::PS256, Algorithm::ES256, Algorithm::ES384, Algorithm::EdDSA, Algorithm::PS512];

/// Why a token is not one of the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignatureFault {
    NoToken,
    TooLong,
    TokenType,
    CriticalHeader,
    /// The token brings a key along, or points to one.
    KeyInHeader,
    Algorithm,
    NoKeyId,
    UnknownKey,
    KeyUse,
    Signature,
}

impl SignatureFault {
    /// The word in metrics, logs and the audit log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoToken => "bad_id_token",
            Self::TooLong => "token_too_long",
            Self::TokenType => "token_type",
            Self::CriticalHeader => "critical_header",
            Self::KeyInHeader => "key_in_header",
            Self::Algorithm => "algorithm",
            Self::NoKeyId => "no_key_id",
            Self::UnknownKey => "unknown_key",
            Self::KeyUse => "key_use",
            Self::Signature => "signature",
        }
    }
}

/// A token whose header is that of a token of this kind.
#[derive(Debug)]
pub struct UnverifiedToken<'t> {
    text: &'t str,
    algorithm: Algorithm,
    pub key_id: String,
}

impl<'t> UnverifiedToken<'t> {
    /// Reads the header. `types` are the values of `typ` that tokens of this kind may have; none at all is allowed too.
    pub fn parse(text: &'t str, types: &[&str]) -> Result<Self, SignatureFault> {
        if text.len() > MAX_TOKEN_BYTES {
            return Err(SignatureFault::TooLong);
        }
        let header = parse_header(text)?;
        if header.crit.is_some() {
            return Err(SignatureFault::CriticalHeader);
        }
        if header.jku.is_some() || header.jwk.is_some() || header.x5u.is_some() {
            return Err(SignatureFault::KeyInHeader);
        }
        // Media types are compared without case (RFC 7515, 4.1.9).
        if let Some(kind) = &header.typ
            && !types.iter().any(|allowed| allowed.eq_ignore_ascii_case(kind))
        {
            return Err(SignatureFault::TokenType);
        }
        if !ALGORITHMS.contains(&header.alg) {
            return Err(SignatureFault::Algorithm);
        }
        let key_id = header.kid.ok_or(SignatureFault::NoKeyId)?;
        Ok(Self { text, algorithm: header.alg, key_id })
    }

    /// The claims, if one of the keys has signed them. Their times are not compared.
    pub fn verify_with_keys(&self, keys: &JwkSet) -> Result<ProviderClaims, SignatureFault> {
        let key = keys.find(&self.key_id).ok_or(SignatureFault::UnknownKey)?;
        self.check_key(key)?;
        let decoding_key = DecodingKey::from_jwk(key).map_err(|_| SignatureFault::Algorithm)?;
        let mut rules = Validation::new(self.algorithm);
        rules.validate_exp = false;
        rules.validate_aud = false;
        rules.set_required_spec_claims::<&str>(&[]);
        let verified = decode::<Map<String, Value>>(self.text, &decoding_key, &rules);
        Ok(ProviderClaims::new(verified.map_err(|_| SignatureFault::Signature)?.claims))
    }

    fn check_key(&self, key: &Jwk) -> Result<(), SignatureFault> {
        match &key.common.public_key_use {
            None | Some(PublicKeyUse::Signature) => {}
            Some(_) => return Err(SignatureFault::KeyUse),
        }
        let is_for_this =
            key.common.key_algorithm.is_none_or(|algorithm| algorithm == KeyAlgorithm::from(self.algorithm));
        if is_for_this { Ok(()) } else { Err(SignatureFault::Algorithm) }
    }

    /// Whether `at_hash` is that of the access token (`OpenID` Connect Core 1.0, 3.1.3.6). Only hashes of algorithms with SHA-256
    /// are compared; of the others the standard says too little.
    pub fn has_hash_of(&self, claims: &ProviderClaims, access_token: &str) -> bool {
        let has_sha256 = matches!(self.algorithm, Algorithm::RS256 | Algorithm::PS256 | Algorithm::ES256);
        match claims.get("at_hash") {
            Some(stated) if has_sha256 => {
                let hash = digest(&SHA256, access_token.as_bytes());
                stated.as_str() == Some(&URL_SAFE_NO_PAD.encode(&hash.as_ref()[..16]))
            }
            _ => true,
        }
    }
}

/// The claims of a token whose signature nobody has verified; `None` if the text is no token.
pub fn read_unverified_claims(text: &str) -> Option<ProviderClaims> {
    let mut parts = text.split('.');
    let (Some(header), Some(claims), Some(_), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return None;
    };
    let read_part = |part: &str| {
        let json = URL_SAFE_NO_PAD.decode(part).ok()?;
        serde_json::from_slice::<Map<String, Value>>(&json).ok()
    };
    read_part(header)?;
    read_part(claims).map(ProviderClaims::new)
}

/// The header of a token. An unknown algorithm, such as `none`, is an error of its own.
fn parse_header(text: &str) -> Result<Header, SignatureFault> {
    decode_header(text).map_err(|_| {
        let header = text.split('.').next().and_then(|part| URL_SAFE_NO_PAD.decode(part).ok());
        let header = header.and_then(|json| serde_json::from_slice::<Map<String, Value>>(&json).ok());
        match header {
            Some(header) if header.contains_key("alg") => SignatureFault::Algorithm,
            _ => SignatureFault::NoToken,
        }
    })
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::{EncodingKey, encode};
    use serde_json::json;

    use super::*;

    /// Made by `openssl genpkey -algorithm ed25519` (3.0.19).
    const KEY: &str = "-----BEGIN PRIVATE KEY-----\n\
        MC4CAQAwBQYDK2VwBCIEIHj/tflnB00b37ii36zYMQeROJAB7264SOzyGg9YNzDR\n\
        -----END PRIVATE KEY-----\n";
    const X: &str = "8SoTs8kBfIUaJXm2ZRhcA6OLZfLhZfdhDPWOZEDRPz0";

    fn published(changes: &Value) -> JwkSet {
        let mut key = json!({"kty": "OKP", "crv": "Ed25519", "x": X, "kid": "k1"});
        key.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        serde_json::from_value(json!({"keys": [key]})).unwrap()
    }

    fn sign_token(header: &Header) -> String {
        encode(header, &json!({"sub": "42"}), &EncodingKey::from_ed_pem(KEY.as_bytes()).unwrap()).unwrap()
    }

    fn header() -> Header {
        Header { kid: Some("k1".to_owned()), ..Header::new(Algorithm::EdDSA) }
    }

    fn verify_token(token: &str, keys: &JwkSet) -> Result<ProviderClaims, SignatureFault> {
        UnverifiedToken::parse(token, &["JWT"])?.verify_with_keys(keys)
    }

    #[test]
    fn a_token_that_a_published_key_signed_is_verified() {
        for key in [json!({}), json!({"use": "sig", "alg": "EdDSA"})] {
            assert_eq!(verify_token(&sign_token(&header()), &published(&key)).unwrap().get_text("sub"), Some("42"));
        }
        let untyped = Header { typ: None, ..header() };
        assert!(verify_token(&sign_token(&untyped), &published(&json!({}))).is_ok());
    }

    #[test]
    fn each_other_token_is_refused_for_its_own_reason() {
        let keys = published(&json!({}));
        let with = |header: Header| verify_token(&sign_token(&header), &keys).unwrap_err();
        assert_eq!(with(Header { kid: Some("k2".to_owned()), ..header() }), SignatureFault::UnknownKey);
        assert_eq!(with(Header { kid: None, ..header() }), SignatureFault::NoKeyId);
        assert_eq!(with(Header { typ: Some("at+jwt".to_owned()), ..header() }), SignatureFault::TokenType);
        assert_eq!(with(Header { crit: Some(vec!["b64".to_owned()]), ..header() }), SignatureFault::CriticalHeader);
        assert_eq!(with(Header { jku: Some("https://elsewhere".to_owned()), ..header() }), SignatureFault::KeyInHeader);
        let other_key = published(&json!({"x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}));
        assert_eq!(verify_token(&sign_token(&header()), &other_key).unwrap_err(), SignatureFault::Signature);
        let for_encryption = published(&json!({"use": "enc"}));
        assert_eq!(verify_token(&sign_token(&header()), &for_encryption).unwrap_err(), SignatureFault::KeyUse);
        let for_rsa = published(&json!({"alg": "RS256"}));
        assert_eq!(verify_token(&sign_token(&header()), &for_rsa).unwrap_err(), SignatureFault::Algorithm);
        let with_secret = encode(
            &Header { kid: Some("k1".to_owned()), ..Header::new(Algorithm::HS256) },
            &json!({"sub": "42"}),
            &EncodingKey::from_secret(X.as_bytes()).unwrap(),
        );
        assert_eq!(verify_token(&with_secret.unwrap(), &keys).unwrap_err(), SignatureFault::Algorithm);
        let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#);
        assert_eq!(verify_token(&format!("{none}.e30."), &keys).unwrap_err(), SignatureFault::Algorithm);
        for text in ["", "x", "a.b.c", &URL_SAFE_NO_PAD.encode("7")] {
            assert_eq!(verify_token(text, &keys).unwrap_err(), SignatureFault::NoToken, "{text}");
        }
        assert_eq!(verify_token(&"x".repeat(20_000), &keys).unwrap_err(), SignatureFault::TooLong);
        let mut changed = sign_token(&header());
        changed.insert(changed.rfind('.').unwrap(), 'A');
        assert_eq!(verify_token(&changed, &keys).unwrap_err(), SignatureFault::Signature);
    }
}
