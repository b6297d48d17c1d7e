//! Access tokens (RFC 9068): signed here for ten minutes, and verified here when a service resolves one. Everybody else
//! verifies them with the published keys.

use std::sync::Arc;
use std::time::Duration;

use identity::token::{TOKEN_TYPE, TokenRules};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use service_kit::{Clock, Ctx, Ids, Problem};

use crate::domain::client_id::ClientId;
use crate::domain::icat_session::IcatSession;
use crate::domain::login::Authentication;
use crate::keys::Keys;
use crate::logins::SessionHandle;

/// How long a token is valid, unless its session ends earlier.
pub const TOKEN_LIFETIME: Duration = Duration::from_mins(10);

pub struct Tokens {
    pub keys: Arc<Keys>,
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
    /// Which program or page it was given to (RFC 9068, 2.2); empty in tokens of earlier versions.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    client_id: String,
    /// When and how the user proved who they are (`OpenID` Connect Core 1.0, 2; RFC 9068, 2.2.1), as far as it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    auth_time: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    acr: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    amr: Vec<String>,
}

/// What a token states.
pub struct TokenSubject<'a> {
    /// In whole seconds.
    pub expires_at: Timestamp,
    pub session: &'a IcatSession,
    pub handle: &'a SessionHandle,
    pub client: &'a ClientId,
    pub authentication: &'a Authentication,
}

pub struct SignedToken {
    pub token: String,
    pub expires_in_seconds: i64,
}

impl Tokens {
    pub fn new(ctx: &Ctx, keys: Arc<Keys>) -> Self {
        let rules = TokenRules::from_config(&ctx.config.core, Arc::clone(&ctx.clock));
        Self { keys, rules, clock: Arc::clone(&ctx.clock), ids: Arc::clone(&ctx.ids) }
    }

    pub async fn sign_token(&self, subject: &TokenSubject<'_>) -> Result<SignedToken, Problem> {
        let TokenSubject { expires_at, session, handle, client, authentication } = subject;
        let (now, exp) = (self.clock.now().as_second(), expires_at.as_second());
        let claims = Claims {
            iss: self.rules.issuer.clone(),
            sub: session.user_name.clone(),
            aud: self.rules.audience.clone(),
            iat: now,
            nbf: now,
            exp,
            jti: self.ids.random_uuid().to_string(),
            sid: handle.expose().to_owned(),
            client_id: client.as_str().to_owned(),
            auth_time: authentication.time.map(|time| time.to_timestamp().as_second()),
            acr: authentication.acr.clone(),
            amr: authentication.amr.clone(),
        };
        let token = self.keys.current().await.sign_claims(TOKEN_TYPE, &claims)?;
        Ok(SignedToken { token, expires_in_seconds: (exp - now).max(0) })
    }

    /// Who signs the tokens, and for whom.
    pub fn issuer(&self) -> &str {
        &self.rules.issuer
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
