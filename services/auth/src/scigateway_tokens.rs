//! Tokens of the interface of scigateway-auth 0.1.0: RS256, without `kid`, issuer and audience, and with the claims that
//! SciGateway reads. They are signed byte for byte as that program does with PyJWT.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Validation, decode, decode_header};
use serde::{Deserialize, Serialize};
use service_kit::{Blocking, BuildError, Clock, ConfigError, Ctx, Ids, Problem};
use tokio::sync::OnceCell;

use crate::administrators::Administrators;
use crate::config::Config;
use crate::domain::icat_session::IcatSession;
use crate::keys::{RsaKey, RsaPublicKey, locate_default_key, locate_keys};
use crate::logins::SessionHandle;

/// As PyJWT writes it.
const HEADER: &str = r#"{"alg":"RS256","typ":"JWT"}"#;
/// Longer ones are not tokens.
const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// One thread reads or generates the key, once.
const KEY_THREADS: usize = 1;
const KEY_QUEUE: usize = 1;

/// Signs and verifies the tokens of the interface.
pub struct ScigatewayTokens {
    key: OnceCell<RsaKey>,
    /// Where a key is generated at its first use, if there is none: it takes a moment.
    path: PathBuf,
    pool: Blocking,
    ids: Arc<dyn Ids>,
    clock: Arc<dyn Clock>,
    administrators: Arc<Administrators>,
    lifetime: Duration,
    exposes_icat_session: bool,
}

/// The claims, in the order in which scigateway-auth writes them.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ScigatewayClaims {
    /// A handle that the services of this site resolve, or, if the settings say so, the ICAT session id.
    pub session_id: String,
    /// ICAT user name.
    pub username: String,
    user_is_admin: bool,
    /// Seconds since 1970 UTC.
    exp: i64,
    /// The handle, if `sessionId` has the ICAT session id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sid: Option<String>,
    /// Of tokens that another program signed with the same key.
    #[serde(default, skip_serializing)]
    nbf: Option<f64>,
    #[serde(default, skip_serializing)]
    iat: Option<f64>,
    #[serde(default, skip_serializing, rename = "sub")]
    _sub: Option<String>,
    #[serde(default, skip_serializing, rename = "jti")]
    _jti: Option<String>,
}

impl ScigatewayClaims {
    /// The handle of the login.
    pub fn login_handle(&self) -> String {
        self.sid.clone().unwrap_or_else(|| self.session_id.clone())
    }
}

impl ScigatewayTokens {
    /// The directory of keys must exist. An error if the interface is not turned off and has no usable key.
    pub fn new(ctx: &Ctx, config: &Config, administrators: Arc<Administrators>) -> Result<Self, BuildError> {
        let is_configured = !config.scigateway_key.as_os_str().is_empty();
        let default = || locate_default_key(&locate_keys(&ctx.config, config));
        let path = if is_configured { config.scigateway_key.clone() } else { default() };
        let loaded = if config.scigateway_prefix.is_empty() {
            Ok(None)
        } else if is_configured {
            RsaKey::load(&path).map(Some)
        } else {
            RsaKey::load_if_created(&path, &*ctx.ids)
        };
        let key = loaded.map_err(|e| ConfigError(format!("setting `auth.scigateway_key`: {e}")))?;
        Ok(Self {
            key: OnceCell::new_with(key),
            path,
            pool: ctx.pools.open("scigateway-key", KEY_THREADS, KEY_QUEUE),
            ids: Arc::clone(&ctx.ids),
            clock: Arc::clone(&ctx.clock),
            administrators,
            lifetime: config.scigateway_token_lifetime,
            exposes_icat_session: config.expose_icat_session,
        })
    }

    /// How long tokens are valid.
    pub fn lifetime(&self) -> Duration {
        self.lifetime
    }

    async fn load_key(&self) -> Result<&RsaKey, Problem> {
        let load = async || {
            let (path, ids) = (self.path.clone(), Arc::clone(&self.ids));
            let loaded = self.pool.run(move || RsaKey::load_or_create(&path, &*ids)).await?;
            loaded.map_err(Problem::internal)
        };
        self.key.get_or_try_init(load).await
    }

    /// The key for verifiers.
    pub async fn get_public_key(&self) -> Result<RsaPublicKey, Problem> {
        Ok(self.load_key().await?.public_key().clone())
    }

    /// Signs a token for the owner of a session, which expires at a whole second.
    pub async fn sign_token(
        &self,
        session: &IcatSession,
        handle: &SessionHandle,
        expires_at: Timestamp,
    ) -> Result<String, Problem> {
        let sid = handle.expose().to_owned();
        let (session_id, sid) = if self.exposes_icat_session { (session.id.clone(), Some(sid)) } else { (sid, None) };
        let claims = ScigatewayClaims {
            session_id,
            user_is_admin: self.administrators.is_administrator(&session.user_name).await,
            username: session.user_name.clone(),
            exp: expires_at.as_second(),
            sid,
            nbf: None,
            iat: None,
            _sub: None,
            _jti: None,
        };
        encode_token(&claims, self.load_key().await?.signing_key())
    }

    /// The claims of a valid token; `None` for another text.
    pub async fn verify_token(&self, token: &str) -> Result<Option<ScigatewayClaims>, Problem> {
        let claims = self.verify_token_ignoring_expiry(token).await?;
        // Without leeway, as scigateway-auth.
        Ok(claims.filter(|claims| claims.exp > self.clock.now().as_second()))
    }

    /// The claims of a token, which may have expired.
    pub async fn verify_token_ignoring_expiry(&self, token: &str) -> Result<Option<ScigatewayClaims>, Problem> {
        let key = self.load_key().await?.verifying_key();
        Ok(self.decode_claims(token, key))
    }

    fn decode_claims(&self, token: &str, key: &DecodingKey) -> Option<ScigatewayClaims> {
        if token.len() > MAX_TOKEN_BYTES {
            return None;
        }
        let header = decode_header(token).ok()?;
        let is_foreign = header.jku.is_some() || header.jwk.is_some() || header.x5u.is_some() || header.crit.is_some();
        if header.alg != Algorithm::RS256 || header.typ.as_deref().is_some_and(|typ| typ != "JWT") || is_foreign {
            return None;
        }
        // Times are compared with our own clock. A token for an audience is for somebody else.
        let mut rules = Validation::new(Algorithm::RS256);
        rules.validate_exp = false;
        rules.validate_nbf = false;
        rules.set_required_spec_claims::<&str>(&[]);
        let claims = decode::<ScigatewayClaims>(token, key, &rules).ok()?.claims;
        #[expect(clippy::cast_precision_loss, reason = "seconds of this century")]
        let now = self.clock.now().as_second() as f64;
        let is_early = [claims.nbf, claims.iat].into_iter().flatten().any(|time| time > now);
        (!is_early).then_some(claims)
    }
}

/// The token with these claims, byte for byte as PyJWT writes it: signatures of RS256 have no random part.
fn encode_token(claims: &ScigatewayClaims, key: &EncodingKey) -> Result<String, Problem> {
    let payload = escape_non_ascii(&serde_json::to_string(claims).map_err(Problem::internal)?);
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(HEADER), URL_SAFE_NO_PAD.encode(payload));
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), key, Algorithm::RS256).map_err(Problem::internal)?;
    Ok(format!("{message}.{signature}"))
}

/// JSON as Python writes it by default: characters outside of ASCII, which are only in texts, are escaped.
fn escape_non_ascii(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    for c in json.chars() {
        if c.is_ascii() {
            escaped.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            // Writing into a String does not fail.
            let _written = write!(escaped, "\\u{unit:04x}");
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Signed by PyJWT 2.10.1 with the same key and claims.
    #[test]
    fn a_token_has_the_bytes_of_pyjwt() {
        let key = RsaKey::parse(include_bytes!("../tests/fixtures/scigateway/openssh.key")).unwrap();
        let claims = ScigatewayClaims {
            session_id: "5b0c1c8e-6f57-4c7e-9d55-0f2d4a7b9c10".to_owned(),
            username: "db/jürgen 𝛼".to_owned(),
            user_is_admin: true,
            exp: 1_768_210_200,
            sid: None,
            nbf: None,
            iat: None,
            _sub: None,
            _jti: None,
        };
        let expected = include_str!("../tests/fixtures/scigateway/pyjwt-2.10.1.jwt").trim_end();
        assert_eq!(encode_token(&claims, key.signing_key()).unwrap(), expected);
    }

    #[test]
    fn texts_are_escaped_as_python_does() {
        // python3 -c 'import json; print(json.dumps({"username": "db/jürgen 𝛼"}, separators=(",", ":")))'
        assert_eq!(escape_non_ascii(r#"{"username":"db/jürgen 𝛼"}"#), r#"{"username":"db/j\u00fcrgen \ud835\udefc"}"#);
    }
}
