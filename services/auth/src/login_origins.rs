//! Where a login came from, said by auth to its own plugins: icat.server tells them only the address of its own client, which is this
//! service. ICAT passes on whatever credentials it gets, so that the address is one of them, signed.

use std::net::IpAddr;
use std::sync::Arc;

use identity::token::TokenRules;
use serde::{Deserialize, Serialize};
use service_kit::{Clock, Ctx, Problem};

use crate::keys::Keys;

/// The credential with the address. No authenticator asks for it.
pub const ORIGIN_CREDENTIAL: &str = "undulator.origin";
/// The `typ`, which no other token has.
const TOKEN_TYPE: &str = "login-origin+jwt";
/// A login may wait for the plugin.
const LIFETIME_SECONDS: i64 = 60;
/// Replicas whose clocks differ.
const LEEWAY_SECONDS: i64 = 120;
/// Longer texts are not ours.
const MAX_BYTES: usize = 1024;

/// Signs and reads addresses of clients. Cheap to clone.
#[derive(Clone)]
pub struct LoginOrigins {
    clock: Arc<dyn Clock>,
    keys: Arc<Keys>,
    issuer: Arc<str>,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    address: IpAddr,
    iat: i64,
    exp: i64,
}

impl LoginOrigins {
    pub fn new(ctx: &Ctx, keys: Arc<Keys>) -> Self {
        let issuer = TokenRules::from_config(&ctx.config.core, Arc::clone(&ctx.clock)).issuer;
        Self { clock: Arc::clone(&ctx.clock), keys, issuer: issuer.into() }
    }

    /// The value of [`ORIGIN_CREDENTIAL`] for a login from this address.
    pub async fn sign_address(&self, address: IpAddr) -> Result<String, Problem> {
        let now = self.clock.now().as_second();
        let claims = Claims { iss: self.issuer.to_string(), address, iat: now, exp: now + LIFETIME_SECONDS };
        self.keys.current().await.sign_claims(TOKEN_TYPE, &claims)
    }

    /// The address in the credential of a login; `None` if auth has not signed it just now.
    pub async fn verify_address(&self, credential: &str) -> Option<IpAddr> {
        let claims: Claims = self.keys.current().await.verify_claims(TOKEN_TYPE, credential, MAX_BYTES).ok()?;
        let now = self.clock.now().as_second();
        let is_valid_now = now <= claims.exp + LEEWAY_SECONDS && now >= claims.iat - LEEWAY_SECONDS;
        (claims.iss == *self.issuer && is_valid_now).then_some(claims.address)
    }
}
