//! Access tokens (RFC 9068): signed here for ten minutes, and verified here when a service resolves one. Everybody else
//! verifies them with the published keys.

use std::sync::Arc;

use identity::token::{TOKEN_ALGORITHM, TOKEN_TYPE, TokenRules};
use jsonwebtoken::{Header, encode};
use serde::{Deserialize, Serialize};
use service_kit::{BuildError, Clock, Ctx, Ids, Problem};

use crate::config::Config;
use crate::domain::icat_session::IcatSession;
use crate::error::session_over;
use crate::keys::Keys;
use crate::session_handle::SessionHandle;

/// How long a token is valid, unless its session ends earlier.
const LIFETIME_SECONDS: i64 = 600;

pub struct Tokens {
    pub keys: Keys,
    rules: TokenRules,
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

pub struct SignedToken {
    pub token: String,
    pub expires_in_seconds: i64,
}

impl Tokens {
    pub fn new(ctx: &Ctx, config: &Config) -> Result<Self, BuildError> {
        Ok(Self {
            keys: Keys::open(ctx, config)?,
            rules: TokenRules::from_config(&ctx.config.core, Arc::clone(&ctx.clock)),
            clock: Arc::clone(&ctx.clock),
            ids: Arc::clone(&ctx.ids),
        })
    }

    /// Signs a token for the owner of a session, which never outlives the session.
    pub async fn sign_token(&self, session: &IcatSession, handle: &SessionHandle) -> Result<SignedToken, Problem> {
        let now = self.clock.now().as_second();
        let exp = (now + LIFETIME_SECONDS).min(session.ends_at.as_second());
        if exp <= now {
            return Err(session_over());
        }
        let claims = Claims {
            iss: self.rules.issuer.clone(),
            sub: session.user_name.clone(),
            aud: self.rules.audience.clone(),
            iat: now,
            nbf: now,
            exp,
            jti: self.ids.random_uuid().to_string(),
            sid: handle.expose().to_owned(),
        };
        let keys = self.keys.current().await;
        let (key, kid) = keys.signing_key();
        let header =
            Header { typ: Some(TOKEN_TYPE.to_owned()), kid: Some(kid.to_owned()), ..Header::new(TOKEN_ALGORITHM) };
        let token = encode(&header, &claims, key).map_err(Problem::internal)?;
        Ok(SignedToken { token, expires_in_seconds: exp - now })
    }

    /// The claims of a valid token of this site.
    pub async fn verify_token(&self, token: &str) -> Result<Claims, Problem> {
        let kid = self.rules.key_id(token)?;
        self.rules.verify_token(token, self.keys.current().await.verifying_key(&kid))
    }

    /// The claims of a token of this site, which may have expired.
    pub async fn verify_token_ignoring_expiry(&self, token: &str) -> Result<Claims, Problem> {
        let kid = self.rules.key_id(token)?;
        self.rules.verify_token_at_any_time(token, self.keys.current().await.verifying_key(&kid))
    }
}
