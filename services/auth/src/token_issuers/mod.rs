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
use crate::domain::provider_user::require_no_root_name;
use crate::provider_users::{ProviderUsers, TokenUser};
use crate::providers::{
    CachedDocument, ProviderFailure, ProviderHttp, PublishedKeys, UnverifiedToken, read_unverified_claims,
};

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
        users: &ProviderUsers,
    ) -> Self {
        let open = |settings: &TokenIssuerSettings| {
            Arc::new(TokenIssuer::new(ctx, settings.clone(), root_names.to_vec(), users.clone()))
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
    users: ProviderUsers,
}

impl TokenIssuer {
    fn new(ctx: &Ctx, settings: TokenIssuerSettings, root_names: Vec<String>, users: ProviderUsers) -> Self {
        let (http, clock) = (ProviderHttp::new(ctx.http.clone()), Arc::clone(&ctx.clock));
        Self {
            root_names: if settings.may_name_administrators { Vec::new() } else { root_names },
            discovery: CachedDocument::new(http.clone(), "/.well-known/openid-configuration", Arc::clone(&clock)),
            keys: PublishedKeys::new(http, Arc::clone(&clock)),
            clock,
            users,
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
        let named = self.name_rules().find_user(&claims)?;
        self.find_account(named, &claims).await
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

    /// The account of somebody: a linked one, or that of the claim, unless it belongs to another user.
    async fn find_account(&self, named: IssuerUser, claims: &ProviderClaims) -> Result<IssuerUser, TokenFault> {
        let binds_names = self.settings.bind_user_names;
        let subject = match claims.get_text("sub") {
            Some(subject) => subject,
            // Such a user can be neither bound nor linked.
            None if !binds_names => return Ok(named),
            None => return Err(IssuerTokenFault::NoSubject.into()),
        };
        let (user_name, subject_hash) = (named.to_user_name(), sha256_hex(subject));
        let issuer = self.settings.issuer();
        let user = TokenUser { issuer, subject_hash: &subject_hash, user_name: &user_name, binds_names };
        let found = self.users.find_user_name(&user).await??;
        // A linked account may have become that of an administrator since.
        require_no_root_name(&found, &self.root_names)?;
        Ok(if found == user_name { named } else { IssuerUser::from_user_name(&found) })
    }
}
