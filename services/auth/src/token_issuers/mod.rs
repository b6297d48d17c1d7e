//! Logins with tokens that an `OpenID` Connect provider has given a portal or a program, as authn.oidc 2.0.1 accepts them. Keys that
//! were fetched once verify tokens for a day while the provider is down.

mod fault;
mod settings;

use std::net::IpAddr;
use std::sync::Arc;

use reqwest::Url;
use serde::Deserialize;
use service_kit::{Clock, Ctx, sha256_hex};

pub use self::fault::TokenFault;
pub use self::settings::{PluginSettings, TokenIssuerSettings, check_plugins};
use crate::domain::issuer_token::{IssuerTokenFault, IssuerTokenRules};
use crate::domain::issuer_user::{IssuerNameRules, IssuerUser};
use crate::domain::provider_claims::ProviderClaims;
use crate::domain::provider_user::NameFault;
use crate::providers::{
    CachedDocument, ProviderFailure, ProviderHttp, PublishedKeys, UnverifiedToken, read_unverified_claims,
};
use crate::user_name_bindings::UserNameBindings;

/// The `typ` of ID tokens and access tokens (RFC 9068, 2.1).
const TOKEN_TYPES: [&str; 3] = ["JWT", "at+jwt", "application/at+jwt"];

/// The issuers of the settings.
pub struct TokenIssuers(Vec<Arc<TokenIssuer>>);

impl TokenIssuers {
    /// Issuers are not asked yet: one that is down must not keep anybody else from logging in.
    pub fn new<'s>(
        ctx: &Ctx,
        settings: impl Iterator<Item = &'s TokenIssuerSettings>,
        root_names: &[String],
        bindings: &UserNameBindings,
    ) -> Self {
        let open = |settings: &TokenIssuerSettings| {
            Arc::new(TokenIssuer::new(ctx, settings.clone(), root_names.to_vec(), bindings.clone()))
        };
        Self(settings.map(open).collect())
    }

    pub fn find_by_name(&self, name: &str) -> Option<Arc<TokenIssuer>> {
        self.0.iter().find(|issuer| issuer.settings.name == name).cloned()
    }
}

/// What is used of a discovery document.
#[derive(Deserialize)]
struct KeyDiscovery {
    issuer: String,
    jwks_uri: Url,
}

/// An issuer of tokens.
pub struct TokenIssuer {
    pub settings: TokenIssuerSettings,
    root_names: Vec<String>,
    clock: Arc<dyn Clock>,
    discovery: CachedDocument<KeyDiscovery>,
    keys: PublishedKeys,
    bindings: UserNameBindings,
}

impl TokenIssuer {
    fn new(ctx: &Ctx, settings: TokenIssuerSettings, root_names: Vec<String>, bindings: UserNameBindings) -> Self {
        let (http, clock) = (ProviderHttp::new(ctx.http.clone()), Arc::clone(&ctx.clock));
        Self {
            root_names: if settings.may_name_administrators { Vec::new() } else { root_names },
            discovery: CachedDocument::new(http.clone(), "/.well-known/openid-configuration", Arc::clone(&clock)),
            keys: PublishedKeys::new(http, Arc::clone(&clock)),
            clock,
            bindings,
            settings,
        }
    }

    /// The user of a token. `address` is where ICAT says that the login came from.
    pub async fn authenticate_token(&self, token: &str, address: Option<IpAddr>) -> Result<IssuerUser, TokenFault> {
        if token.is_empty() {
            return Err(TokenFault::NoToken);
        }
        if !self.settings.allows_address(address) {
            return Err(TokenFault::Address(address));
        }
        let claims = self.verify_token(token).await?;
        let user = self.name_rules().find_user(&claims)?;
        self.bind_user_name(&user, &claims).await?;
        Ok(user)
    }

    /// Fetches the keys again; at most once a minute.
    pub async fn refetch_keys(&self) -> Result<(), ProviderFailure> {
        let url = self.find_keys_url().await?;
        self.keys.refetch_keys(&url).await.map(drop)
    }

    async fn verify_token(&self, token: &str) -> Result<ProviderClaims, TokenFault> {
        let settings = &self.settings;
        let rules = IssuerTokenRules {
            issuer: settings.issuer(),
            required_scope: &settings.required_scope,
            audiences: &settings.audiences,
            max_age: settings.max_token_age,
            now: self.clock.now().as_second(),
        };
        let unverified = read_unverified_claims(token).ok_or(TokenFault::Unreadable)?;
        rules.check_unverified(&unverified)?;
        let token = UnverifiedToken::parse(token, &TOKEN_TYPES)?;
        let claims = self.keys.verify_signature(&self.find_keys_url().await?, &token).await?;
        rules.check_verified(&claims)?;
        Ok(claims)
    }

    async fn find_keys_url(&self) -> Result<String, ProviderFailure> {
        let trusted = self.settings.trusted_hosts();
        let check =
            |document: &KeyDiscovery| trusted.check_document(&document.issuer, [("jwks_uri", &document.jwks_uri)]);
        Ok(self.discovery.get(&self.settings.configuration_url, check).await?.jwks_uri.to_string())
    }

    fn name_rules(&self) -> IssuerNameRules<'_> {
        let settings = &self.settings;
        IssuerNameRules {
            mechanism: settings.mechanism(),
            claim: &settings.user_claim,
            is_claim_required: settings.user_claim_required,
            prepends_mechanism: settings.prepend_mechanism,
            claim_mechanisms: &settings.claim_mechanisms,
            format: settings.username_format,
            root_names: &self.root_names,
        }
    }

    async fn bind_user_name(&self, user: &IssuerUser, claims: &ProviderClaims) -> Result<(), TokenFault> {
        if !self.settings.bind_user_names {
            return Ok(());
        }
        let subject = claims.get_text("sub").ok_or(IssuerTokenFault::NoSubject)?;
        let (name, issuer) = (user.to_user_name(), self.settings.issuer());
        let is_bound = self.bindings.bind_user_name(&name, issuer, &sha256_hex(subject)).await?;
        if is_bound { Ok(()) } else { Err(NameFault::OfSomebodyElse.into()) }
    }
}
