//! Access tokens (RFC 9068, `EdDSA`), verified without asking anybody.

use std::sync::Arc;

use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde::Deserialize;
use service_kit::config::Core;
use service_kit::{Clock, Code, Problem};

use crate::jwks::Keys;

/// Clocks of two machines differ.
const LEEWAY_SECONDS: i64 = 30;
/// Longer ones are not tokens.
const LONGEST: usize = 16 * 1024;
const TYPE: &str = "at+jwt";

/// The `iss` of tokens of this site.
pub fn issuer(core: &Core) -> String {
    [&core.identity.issuer, &core.public_url]
        .into_iter()
        .find(|text| !text.is_empty())
        .map_or_else(|| "undulator".to_owned(), Clone::clone)
}

#[derive(Debug, Clone, Deserialize)]
pub struct Claims {
    /// ICAT user name.
    pub sub: String,
    pub exp: i64,
    #[serde(default)]
    nbf: i64,
}

pub struct Verifier {
    keys: Keys,
    issuer: String,
    audience: String,
    clock: Arc<dyn Clock>,
}

/// Three parts with dots between them are meant as a token.
pub fn looks_like_token(credential: &str) -> bool {
    credential.bytes().filter(|b| *b == b'.').count() == 2
}

fn refused(text: &str) -> Problem {
    Problem::new(Code::Unauthenticated, "identity/bad-token", text)
}

impl Verifier {
    pub fn new(keys: Keys, issuer: String, audience: String, clock: Arc<dyn Clock>) -> Self {
        Self { keys, issuer, audience, clock }
    }

    /// The claims of a token that is ours, in time, and signed by a published key with the algorithm we use.
    pub async fn verify(&self, token: &str) -> Result<Claims, Problem> {
        if token.len() > LONGEST {
            return Err(refused("the token is too long"));
        }
        let header = decode_header(token).map_err(|_| refused("the token cannot be read"))?;
        let has_foreign_key =
            header.jku.is_some() || header.jwk.is_some() || header.x5u.is_some() || header.crit.is_some();
        if header.alg != Algorithm::EdDSA || header.typ.as_deref() != Some(TYPE) || has_foreign_key {
            return Err(refused("the token is not an access token of this site"));
        }
        let kid = header.kid.ok_or_else(|| refused("the token names no key"))?;
        let jwk = self.keys.find(&kid).await?.ok_or_else(|| refused("the token is signed by an unknown key"))?;
        let key = DecodingKey::from_jwk(&jwk).map_err(Problem::internal)?;
        let claims =
            decode::<Claims>(token, &key, &self.rules()).map_err(|_| refused("the token is not valid here"))?.claims;
        let now = self.clock.now().as_second();
        if now > claims.exp + LEEWAY_SECONDS {
            return Err(refused("the token has expired; get a new one"));
        }
        if now < claims.nbf - LEEWAY_SECONDS {
            return Err(refused("the token is not valid yet"));
        }
        Ok(claims)
    }

    /// Times are compared with our own clock afterwards; the library reads the machine's.
    fn rules(&self) -> Validation {
        let mut rules = Validation::new(Algorithm::EdDSA);
        rules.validate_exp = false;
        rules.validate_nbf = false;
        rules.set_issuer(&[&self.issuer]);
        rules.set_audience(&[&self.audience]);
        rules.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        rules
    }
}
