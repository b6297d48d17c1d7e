//! Tokens in signed URLs: JWTs (RFC 7519) with HMAC-SHA-256 that work without a session until they expire. Each use has an
//! audience of its own, so that a token of one use opens nothing else.

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::problem::Problem;

/// Signs and verifies the tokens of one use. Cheap to clone.
#[derive(Clone)]
pub struct UrlSigner {
    audience: &'static str,
    encoding: EncodingKey,
    decoding: DecodingKey,
}

/// What a token says besides what it opens.
#[derive(Serialize, Deserialize)]
struct Claims<T> {
    aud: String,
    exp: i64,
    #[serde(flatten)]
    opens: T,
}

impl UrlSigner {
    /// `secret` has at least 32 bytes.
    pub fn new(audience: &'static str, secret: &[u8]) -> Result<Self, Problem> {
        let encoding = EncodingKey::from_secret(secret).map_err(Problem::internal)?;
        let decoding = DecodingKey::from_secret(secret).map_err(Problem::internal)?;
        Ok(Self { audience, encoding, decoding })
    }

    /// A token that opens `opens` (an object) until `expires`, in seconds since 1970-01-01T00:00:00Z.
    pub fn sign_token(&self, opens: impl Serialize, expires: i64) -> Result<String, Problem> {
        let claims = Claims { aud: self.audience.to_owned(), exp: expires, opens };
        encode(&Header::new(Algorithm::HS256), &claims, &self.encoding).map_err(Problem::internal)
    }

    /// What a token opens; `None` if it is no token of this use.
    pub fn verify_token<T: DeserializeOwned>(&self, token: &str, now: i64) -> Option<Verified<T>> {
        let mut rules = Validation::new(Algorithm::HS256);
        rules.set_audience(&[self.audience]);
        // Checked below, by the clock of the service.
        rules.validate_exp = false;
        let Claims { exp, opens, .. } = decode::<Claims<T>>(token, &self.decoding, &rules).ok()?.claims;
        Some(if exp <= now { Verified::Expired } else { Verified::Valid(opens) })
    }
}

/// A token that was signed by us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verified<T> {
    Valid(T),
    Expired,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct OpensFile {
        file: i64,
    }

    fn signer(audience: &'static str, secret: u8) -> UrlSigner {
        UrlSigner::new(audience, &[secret; 32]).unwrap()
    }

    #[test]
    fn a_token_opens_what_it_was_signed_for_until_it_expires() {
        let files = signer("files", 1);
        let token = files.sign_token(OpensFile { file: 7 }, 100).unwrap();
        assert_eq!(files.verify_token(&token, 99), Some(Verified::Valid(OpensFile { file: 7 })));
        assert_eq!(files.verify_token::<OpensFile>(&token, 100), Some(Verified::Expired));
    }

    #[test]
    fn tokens_of_another_use_another_key_or_another_content_open_nothing() {
        let token = signer("files", 1).sign_token(OpensFile { file: 7 }, 100).unwrap();
        for other in [signer("images", 1), signer("files", 2)] {
            assert_eq!(other.verify_token::<OpensFile>(&token, 1), None);
        }
        let (head, signature) = token.rsplit_once('.').unwrap();
        let forged = format!("{head}x.{signature}");
        for wrong in [forged.as_str(), head, "", "a.b.c"] {
            assert_eq!(signer("files", 1).verify_token::<OpensFile>(wrong, 1), None, "{wrong}");
        }
    }
}
