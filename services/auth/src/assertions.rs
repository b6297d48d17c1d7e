//! One-time assertions: how a login that was proved here, at an identity provider, becomes a session of ICAT. Auth signs who the
//! user is, ICAT passes that to the authenticator plugin `delegate`, and the plugin accepts it once. No secret is shared that
//! opens every account, as the token of authn.delegating does.

use std::sync::Arc;
use std::time::Duration;

use identity::token::TokenRules;
use serde::{Deserialize, Serialize};
use service_kit::{Clock, Ctx, Db, DbError, Ids, Problem, sha256_hex};

use crate::domain::provider_user::{NameFault, ProviderUser, require_no_root_name};
use crate::keys::{Keys, SignedClaimsFault};
use crate::store::used_tokens;

/// The authenticator that ICAT must have for these logins.
pub const DELEGATE_MECHANISM: &str = "delegate";
/// The `typ` of an assertion, which no other token has.
const TOKEN_TYPE: &str = "icat-login+jwt";
const AUDIENCE: &str = "icat-login";
/// ICAT calls the plugin at once.
const LIFETIME_SECONDS: i64 = 60;
/// Replicas of auth whose clocks differ.
const LEEWAY_SECONDS: i64 = 120;
/// Longer than an assertion is accepted, by any of the clocks.
const REMEMBER_ASSERTION: Duration = Duration::from_mins(10);
/// Longer texts are not assertions.
const MAX_BYTES: usize = 4096;

/// Signs and accepts assertions.
pub struct Assertions {
    db: Db,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    keys: Arc<Keys>,
    issuer: String,
    /// ICAT user names that nobody gets by an assertion, unless it says that an identity provider may name administrators.
    root_names: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    /// ICAT user name.
    sub: String,
    mechanism: String,
    username: String,
    iat: i64,
    nbf: i64,
    exp: i64,
    jti: String,
    /// Whether the name may be that of an administrator.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    administrator: bool,
}

/// Why an assertion is refused.
#[derive(Debug)]
pub enum AssertionFault {
    NoAssertion,
    Signature,
    Claims,
    Expired,
    NotYetValid,
    RootName,
    Used,
    Failed(DbError),
}

impl AssertionFault {
    /// The word in metrics, logs and the audit log.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::NoAssertion => "no_assertion",
            Self::Signature => "signature",
            Self::Claims => "claims",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::RootName => "root_name",
            Self::Used => "used_assertion",
            Self::Failed(_) => "failed",
        }
    }
}

impl Assertions {
    pub fn new(ctx: &Ctx, keys: Arc<Keys>, root_names: Vec<String>) -> Self {
        let issuer = TokenRules::from_config(&ctx.config.core, Arc::clone(&ctx.clock)).issuer;
        let (clock, ids) = (Arc::clone(&ctx.clock), Arc::clone(&ctx.ids));
        Self { db: ctx.db.clone(), clock, ids, keys, issuer, root_names }
    }

    /// Signs who somebody is. `may_be_administrator` is whether the provider that proved it may name administrators.
    pub async fn sign_assertion(&self, user: &ProviderUser, may_be_administrator: bool) -> Result<String, Problem> {
        let now = self.clock.now().as_second();
        let claims = Claims {
            iss: self.issuer.clone(),
            aud: AUDIENCE.to_owned(),
            sub: user.to_string(),
            mechanism: user.mechanism.clone(),
            username: user.name.clone(),
            iat: now,
            nbf: now,
            exp: now + LIFETIME_SECONDS,
            jti: self.ids.random_uuid().to_string(),
            administrator: may_be_administrator,
        };
        self.keys.current().await.sign_claims(TOKEN_TYPE, &claims)
    }

    /// Who an assertion speaks of. It is accepted once, on one replica.
    pub async fn accept_assertion(&self, assertion: &str) -> Result<ProviderUser, AssertionFault> {
        let claims = self.verify_assertion(assertion).await?;
        let user = ProviderUser { mechanism: claims.mechanism, name: claims.username };
        if claims.sub != user.to_string() {
            return Err(AssertionFault::Claims);
        }
        if !claims.administrator && require_no_root_name(&claims.sub, &self.root_names) == Err(NameFault::RootName) {
            return Err(AssertionFault::RootName);
        }
        let (hash, expires_at) = (sha256_hex(assertion), self.clock.now_micros() + REMEMBER_ASSERTION);
        let is_first = self.db.write(async |tx| used_tokens::use_token(tx, &hash, expires_at).await).await;
        match is_first {
            Ok(true) => Ok(user),
            Ok(false) => Err(AssertionFault::Used),
            Err(e) => Err(AssertionFault::Failed(e)),
        }
    }

    async fn verify_assertion(&self, assertion: &str) -> Result<Claims, AssertionFault> {
        let verified = self.keys.current().await.verify_claims::<Claims>(TOKEN_TYPE, assertion, MAX_BYTES);
        let claims = verified.map_err(|fault| match fault {
            SignedClaimsFault::OtherToken => AssertionFault::NoAssertion,
            SignedClaimsFault::Signature => AssertionFault::Signature,
            SignedClaimsFault::Claims => AssertionFault::Claims,
        })?;
        self.check_claims(&claims)?;
        Ok(claims)
    }

    fn check_claims(&self, claims: &Claims) -> Result<(), AssertionFault> {
        let lifetime = claims.exp.saturating_sub(claims.iat);
        if claims.iss != self.issuer
            || claims.aud != AUDIENCE
            || claims.jti.is_empty()
            || claims.username.is_empty()
            || !(0..=LIFETIME_SECONDS).contains(&lifetime)
        {
            return Err(AssertionFault::Claims);
        }
        let now = self.clock.now().as_second();
        if now > claims.exp + LEEWAY_SECONDS {
            return Err(AssertionFault::Expired);
        }
        if now < claims.nbf.max(claims.iat) - LEEWAY_SECONDS {
            return Err(AssertionFault::NotYetValid);
        }
        Ok(())
    }
}
