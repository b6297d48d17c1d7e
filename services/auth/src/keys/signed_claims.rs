//! Statements that auth signs for itself and its replicas, and access tokens: claims with a `typ` of their own, so that none is taken
//! for another.

use identity::token::TOKEN_ALGORITHM;
use jsonwebtoken::{Header, Validation, decode, decode_header, encode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use service_kit::Problem;

use super::KeySet;

/// Why a text is no statement of auth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignedClaimsFault {
    /// It is something else: another token, or none.
    OtherToken,
    Signature,
    /// A claim is missing, or of another type.
    Claims,
}

impl KeySet {
    /// Signs claims with the active key.
    pub fn sign_claims(&self, token_type: &str, claims: &impl Serialize) -> Result<String, Problem> {
        let (key, kid) = self.signing_key();
        let header =
            Header { typ: Some(token_type.to_owned()), kid: Some(kid.to_owned()), ..Header::new(TOKEN_ALGORITHM) };
        encode(&header, claims, key).map_err(Problem::internal)
    }

    /// The claims of a statement of this type that one of the keys has signed. Its times are not compared.
    pub fn verify_claims<T: DeserializeOwned>(
        &self,
        token_type: &str,
        text: &str,
        max_bytes: usize,
    ) -> Result<T, SignedClaimsFault> {
        if text.len() > max_bytes {
            return Err(SignedClaimsFault::OtherToken);
        }
        let header = decode_header(text).map_err(|_| SignedClaimsFault::OtherToken)?;
        let has_foreign_key = header.jku.is_some() || header.jwk.is_some() || header.x5u.is_some();
        if header.typ.as_deref() != Some(token_type) || header.alg != TOKEN_ALGORITHM || header.crit.is_some() {
            return Err(SignedClaimsFault::OtherToken);
        }
        let kid = header.kid.filter(|_| !has_foreign_key).ok_or(SignedClaimsFault::Signature)?;
        let key = self.verifying_key(&kid).ok_or(SignedClaimsFault::Signature)?;
        let mut rules = Validation::new(TOKEN_ALGORITHM);
        // Times are compared with our own clock; the library reads the machine's.
        rules.validate_exp = false;
        rules.validate_aud = false;
        rules.set_required_spec_claims::<&str>(&[]);
        let claims = decode::<Value>(text, key, &rules).map_err(|_| SignedClaimsFault::Signature)?.claims;
        serde_json::from_value(claims).map_err(|_| SignedClaimsFault::Claims)
    }
}
