//! Access tokens (RFC 9068, `EdDSA`): what makes one valid at this site. The same rules for those who verify with
//! published keys and for auth, which has the keys.

use std::sync::Arc;

use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use service_kit::config::Core;
use service_kit::{Clock, Code, Problem};

use crate::jwks::PublicKeys;
use crate::login_level::LoginLevel;

/// Clocks of two machines differ. A token is accepted for so long after its end.
const LEEWAY_SECONDS: i64 = 30;
/// How far the clock of auth may be ahead: a new token must be accepted from its first second on.
const FUTURE_LEEWAY_SECONDS: i64 = 120;
/// Longer ones are not tokens.
const MAX_TOKEN_BYTES: usize = 16 * 1024;
/// The `typ` of an access token (RFC 9068, 2.1).
pub const TOKEN_TYPE: &str = "at+jwt";
pub const TOKEN_ALGORITHM: Algorithm = Algorithm::EdDSA;

/// Who gives tokens out, for whom, and what time it is.
pub struct TokenRules {
    pub issuer: String,
    pub audience: String,
    clock: Arc<dyn Clock>,
}

/// When a token is valid, in seconds since 1970 UTC.
#[derive(Debug, Clone, Copy, Deserialize)]
struct ValidityTimes {
    iat: i64,
    exp: i64,
    #[serde(default)]
    nbf: i64,
}

fn deserialize_claims<C: DeserializeOwned>(claims: &Value) -> Result<C, Problem> {
    C::deserialize(claims).map_err(|_| invalid_token("the token is not valid here"))
}

fn invalid_token(text: &str) -> Problem {
    Problem::new(Code::Unauthenticated, "identity/bad-token", text)
}

impl TokenRules {
    /// The issuer is `identity.issuer`, else `public_url`, else `undulator`.
    pub fn from_config(core: &Core, clock: Arc<dyn Clock>) -> Self {
        let named = [&core.identity.issuer, &core.public_url].into_iter().find(|text| !text.is_empty());
        let issuer = named.map_or_else(|| "undulator".to_owned(), Clone::clone);
        Self { issuer, audience: core.identity.audience.clone(), clock }
    }

    /// The id of the key that an access token of the right kind names.
    pub fn key_id(&self, token: &str) -> Result<String, Problem> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(invalid_token("the token is too long"));
        }
        let header = decode_header(token).map_err(|_| invalid_token("the token cannot be read"))?;
        // Keys that a token brings along or points to prove nothing.
        let brings_key = header.jwk.is_some() || header.jku.is_some() || header.x5c.is_some() || header.x5u.is_some();
        let foreign = brings_key || header.crit.is_some();
        if header.alg != TOKEN_ALGORITHM || header.typ.as_deref() != Some(TOKEN_TYPE) || foreign {
            return Err(invalid_token("the token is not an access token of this site"));
        }
        header.kid.ok_or_else(|| invalid_token("the token names no key"))
    }

    /// The claims of a token that is ours and in time. `None` for `key`: no published key has its id.
    pub fn verify_token<C: DeserializeOwned>(&self, token: &str, key: Option<&DecodingKey>) -> Result<C, Problem> {
        let claims: Value = self.verify_token_at_any_time(token, key)?;
        let times: ValidityTimes = deserialize_claims(&claims)?;
        let now = self.clock.now().as_second();
        if now > times.exp.saturating_add(LEEWAY_SECONDS) {
            return Err(invalid_token("the token has expired; get a new one"));
        }
        if now < times.nbf.max(times.iat).saturating_sub(FUTURE_LEEWAY_SECONDS) {
            return Err(invalid_token("the token is not valid yet"));
        }
        deserialize_claims(&claims)
    }

    /// The claims of a token that is or was ours.
    pub fn verify_token_at_any_time<C: DeserializeOwned>(
        &self,
        token: &str,
        key: Option<&DecodingKey>,
    ) -> Result<C, Problem> {
        let key = key.ok_or_else(|| invalid_token("the token is signed by an unknown key"))?;
        // Times are compared with our own clock; the library reads the machine's.
        let mut rules = Validation::new(TOKEN_ALGORITHM);
        rules.validate_exp = false;
        rules.validate_nbf = false;
        rules.set_issuer(&[&self.issuer]);
        rules.set_audience(&[&self.audience]);
        rules.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        let verified = decode::<C>(token, key, &rules).map_err(|_| invalid_token("the token is not valid here"))?;
        Ok(verified.claims)
    }
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Claims {
    /// ICAT user name.
    pub sub: String,
    /// The handle of the login.
    #[serde(default)]
    pub sid: Option<String>,
    /// What the token may be used for, separated by spaces (RFC 9068, 2.2.3); a token without it may do what its user may.
    #[serde(default)]
    pub scope: Option<String>,
    #[serde(flatten)]
    pub level: LoginLevel,
}

/// Verifies with the published keys.
pub(crate) struct TokenVerifier {
    pub keys: PublicKeys,
    pub rules: TokenRules,
}

impl TokenVerifier {
    pub async fn verify_token(&self, token: &str) -> Result<Claims, Problem> {
        let key = self.keys.find_key(&self.rules.key_id(token)?).await?;
        self.rules.verify_token(token, key.as_deref())
    }
}
