//! Access tokens (RFC 9068): signed here for ten minutes, verified here for those who ask what is behind one. Others
//! verify them by themselves with the published keys.

use std::sync::Arc;

use jsonwebtoken::{Algorithm, Header, Validation, decode, decode_header, encode};
use serde::{Deserialize, Serialize};
use service_kit::config::Core;
use service_kit::{BuildError, Clock, Ctx, Ids, Problem};

use crate::config::Config;
use crate::error::{bad_token, session_over};
use crate::handle::Handle;
use crate::keys::Keys;
use crate::sessions::IcatSession;

/// How long a token is good, unless its session ends before.
const LIFETIME_SECONDS: i64 = 600;
/// Clocks of two machines differ.
const LEEWAY_SECONDS: i64 = 30;
/// Longer ones are not tokens of ours.
const LONGEST: usize = 16 * 1024;
const TYPE: &str = "at+jwt";
const ALGORITHM: Algorithm = Algorithm::EdDSA;

pub struct Tokens {
    pub keys: Keys,
    issuer: String,
    audience: String,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
}

#[derive(Serialize, Deserialize)]
pub struct Claims {
    iss: String,
    /// ICAT user name.
    pub sub: String,
    aud: String,
    iat: i64,
    nbf: i64,
    exp: i64,
    jti: String,
    pub sid: String,
}

pub struct Signed {
    pub token: String,
    pub expires_in_seconds: i64,
}

/// The `iss` of tokens of this site; what verifiers expect, with the same settings.
fn issuer(core: &Core) -> String {
    let named = [&core.identity.issuer, &core.public_url].into_iter().find(|text| !text.is_empty());
    named.map_or_else(|| "undulator".to_owned(), Clone::clone)
}

impl Tokens {
    pub fn new(ctx: &Ctx, config: &Config) -> Result<Self, BuildError> {
        let core = &ctx.config.core;
        Ok(Self {
            keys: Keys::open(ctx, config)?,
            issuer: issuer(core),
            audience: core.identity.audience.clone(),
            clock: Arc::clone(&ctx.clock),
            ids: Arc::clone(&ctx.ids),
        })
    }

    /// A token for the owner of a session; it never outlives the session.
    pub async fn sign(&self, session: &IcatSession, handle: &Handle) -> Result<Signed, Problem> {
        let now = self.clock.now().as_second();
        let exp = (now + LIFETIME_SECONDS).min(session.ends_at.as_second());
        if exp <= now {
            return Err(session_over());
        }
        let claims = Claims {
            iss: self.issuer.clone(),
            sub: session.user_name.clone(),
            aud: self.audience.clone(),
            iat: now,
            nbf: now,
            exp,
            jti: self.ids.random_uuid().to_string(),
            sid: handle.expose().to_owned(),
        };
        let keys = self.keys.current().await;
        let (key, kid) = keys.signing();
        let header = Header { typ: Some(TYPE.to_owned()), kid: Some(kid.to_owned()), ..Header::new(ALGORITHM) };
        let token = encode(&header, &claims, key).map_err(Problem::internal)?;
        Ok(Signed { token, expires_in_seconds: exp - now })
    }

    /// The claims of a token that is ours and in time.
    pub async fn verify(&self, token: &str) -> Result<Claims, Problem> {
        let claims = self.verify_at_any_time(token).await?;
        let now = self.clock.now().as_second();
        if now > claims.exp + LEEWAY_SECONDS {
            return Err(bad_token("the token has expired; get a new one"));
        }
        if now < claims.nbf - LEEWAY_SECONDS {
            return Err(bad_token("the token is not valid yet"));
        }
        Ok(claims)
    }

    /// The claims of a token that is or was ours.
    pub async fn verify_at_any_time(&self, token: &str) -> Result<Claims, Problem> {
        if token.len() > LONGEST {
            return Err(bad_token("the token is too long"));
        }
        let header = decode_header(token).map_err(|_| bad_token("the token cannot be read"))?;
        if header.alg != ALGORITHM || header.typ.as_deref() != Some(TYPE) || header.crit.is_some() {
            return Err(bad_token("the token is not an access token of this site"));
        }
        let keys = self.keys.current().await;
        // Keys that the token itself brings along (jwk, jku, x5u) are never looked at.
        let key = header.kid.as_deref().and_then(|kid| keys.verifying(kid));
        let key = key.ok_or_else(|| bad_token("the token is signed by an unknown key"))?;
        let verified = decode::<Claims>(token, key, &self.rules());
        Ok(verified.map_err(|_| bad_token("the token is not valid here"))?.claims)
    }

    /// Times are compared with our own clock afterwards; the library reads the machine's.
    fn rules(&self) -> Validation {
        let mut rules = Validation::new(ALGORITHM);
        rules.validate_exp = false;
        rules.validate_nbf = false;
        rules.set_issuer(&[&self.issuer]);
        rules.set_audience(&[&self.audience]);
        rules.set_required_spec_claims(&["exp", "nbf", "iss", "aud", "sub"]);
        rules
    }
}
