//! Where a login came from, said by auth to its own plugins: icat.server tells them only the address of its own client, which is this
//! service. ICAT passes on whatever credentials it gets, so that the address is one of them, signed.

use std::net::IpAddr;
use std::sync::Arc;

use identity::token::{TOKEN_ALGORITHM, TokenRules};
use jsonwebtoken::{Header, Validation, decode, decode_header, encode};
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
        let keys = self.keys.current().await;
        let (key, kid) = keys.signing_key();
        let header =
            Header { typ: Some(TOKEN_TYPE.to_owned()), kid: Some(kid.to_owned()), ..Header::new(TOKEN_ALGORITHM) };
        encode(&header, &claims, key).map_err(Problem::internal)
    }

    /// The address in the credential of a login; `None` if auth has not signed it just now.
    pub async fn verify_address(&self, credential: &str) -> Option<IpAddr> {
        if credential.len() > MAX_BYTES {
            return None;
        }
        let header = decode_header(credential).ok()?;
        let is_ours =
            header.typ.as_deref() == Some(TOKEN_TYPE) && header.alg == TOKEN_ALGORITHM && header.crit.is_none();
        let kid = header.kid.filter(|_| is_ours)?;
        let keys = self.keys.current().await;
        let mut rules = Validation::new(TOKEN_ALGORITHM);
        // Times are compared with our own clock; the library reads the machine's.
        rules.validate_exp = false;
        rules.validate_aud = false;
        rules.set_required_spec_claims::<&str>(&[]);
        let claims = decode::<Claims>(credential, keys.verifying_key(&kid)?, &rules).ok()?.claims;
        let now = self.clock.now().as_second();
        let is_valid_now = now <= claims.exp + LEEWAY_SECONDS && now >= claims.iat - LEEWAY_SECONDS;
        (claims.iss == *self.issuer && is_valid_now).then_some(claims.address)
    }
}
