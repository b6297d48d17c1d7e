//! Identity providers: what they publish, how a login at one begins, and what its tokens prove. A provider that is down is asked
//! again when it is needed; what it published is used for a day.

mod cached_document;
mod code_flow;
mod discovery;
mod error;
mod examination;
mod http;
mod published_keys;
mod settings;
mod signature;

use std::sync::Arc;

use oauth2::url::Url;
use serde::Serialize;
use service_kit::{BuildError, Clock, ConfigError, Ctx, Secret};
use utoipa::ToSchema;

pub use self::cached_document::CachedDocument;
use self::code_flow::CodeFlow;
pub use self::code_flow::{AuthorizationRequest, CodeExchange, ProviderTokens};
pub use self::discovery::TrustedHosts;
use self::discovery::{DISCOVERY_TEMPLATE, Discovery};
pub use self::error::ProviderLoginError;
pub use self::examination::examine_provider;
pub use self::http::{ProviderFailure, ProviderHttp};
pub use self::published_keys::{KeyFault, PublishedKeys};
pub use self::settings::{ProviderSettings, check_configuration_url, find_issuer};
pub use self::signature::{SignatureFault, UnverifiedToken, read_unverified_claims};
use crate::domain::id_token::IdTokenRules;
use crate::domain::logout_token::{ProviderLogout, check_logout_token};
use crate::domain::provider_claims::ProviderClaims;
use crate::domain::provider_user::{NameFault, NameRules, ProviderUser};
use crate::secret_file::read_secret_file;

/// The `typ` of ID tokens; most have the one of every token.
const ID_TOKEN_TYPES: [&str; 1] = ["JWT"];
/// The `typ` of logout tokens (`OpenID` Connect Back-Channel Logout 1.0, 2.4), and of those of older providers.
const LOGOUT_TOKEN_TYPES: [&str; 2] = ["logout+jwt", "JWT"];

/// The identity providers of the settings.
pub struct Providers(Vec<Arc<Provider>>);

impl Providers {
    /// Reads the secrets. Providers are not asked yet: one that is down must not keep anybody else from logging in.
    pub fn new<'s>(
        ctx: &Ctx,
        settings: impl Iterator<Item = &'s ProviderSettings>,
        root_names: &[String],
    ) -> Result<Self, BuildError> {
        let root_names: Arc<[String]> = root_names.into();
        let open =
            |settings: &ProviderSettings| Provider::new(ctx, settings.clone(), Arc::clone(&root_names)).map(Arc::new);
        Ok(Self(settings.map(open).collect::<Result<_, _>>()?))
    }

    /// In the order of the settings.
    pub fn list_providers(&self) -> &[Arc<Provider>] {
        &self.0
    }

    pub fn find_by_name(&self, name: &str) -> Option<&Arc<Provider>> {
        self.0.iter().find(|provider| provider.settings.name == name)
    }
}

/// An identity provider.
pub struct Provider {
    pub settings: ProviderSettings,
    secret: Option<Secret>,
    /// ICAT user names that its users cannot have.
    root_names: Arc<[String]>,
    clock: Arc<dyn Clock>,
    http: ProviderHttp,
    discovery: CachedDocument<Discovery>,
    keys: PublishedKeys,
}

/// What an ID token must belong to.
#[derive(Debug, Clone, Copy)]
pub struct ExpectedIdToken<'a> {
    pub client_id: &'a str,
    /// `None` if somebody else has asked for the token.
    pub nonce: Option<&'a str>,
    /// The one that came with it.
    pub access_token: Option<&'a str>,
}

/// Where a program without a browser logs in (RFC 8628).
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct DeviceLogin {
    #[schema(example = "undulator-cli")]
    client_id: String,
    #[schema(example = "openid")]
    scope: String,
    #[schema(example = "https://login.example.org/realms/lab/protocol/openid-connect/auth/device")]
    device_authorization_endpoint: String,
    #[schema(example = "https://login.example.org/realms/lab/protocol/openid-connect/token")]
    token_endpoint: String,
}

/// An ID token that was verified.
pub struct VerifiedIdToken {
    pub claims: ProviderClaims,
    pub user: ProviderUser,
}

impl Provider {
    fn new(ctx: &Ctx, settings: ProviderSettings, root_names: Arc<[String]>) -> Result<Self, BuildError> {
        let read_secret = || read_secret_file("client_secret_file", &settings.client_secret_file);
        let refused = |text: String| ConfigError(format!("auth.providers: `{}`: {text}", settings.name));
        let secret = settings.has_secret().then(read_secret).transpose().map_err(refused)?;
        let root_names = if settings.may_name_administrators { Arc::from([]) } else { root_names };
        let http = ProviderHttp::new(ctx.http.clone());
        Ok(Self {
            secret,
            root_names,
            clock: Arc::clone(&ctx.clock),
            discovery: CachedDocument::new(http.clone(), DISCOVERY_TEMPLATE, Arc::clone(&ctx.clock)),
            keys: PublishedKeys::new(http.clone(), Arc::clone(&ctx.clock)),
            http,
            settings,
        })
    }

    async fn discover(&self) -> Result<Arc<Discovery>, ProviderFailure> {
        self.discovery
            .get(&self.settings.configuration_url, |document| document.check_endpoints(&self.settings.trusted_hosts()))
            .await
    }

    /// Whether an answer at the redirect address must name the issuer (RFC 9207, 2.4).
    pub async fn requires_redirect_issuer(&self) -> Result<bool, ProviderFailure> {
        Ok(self.discover().await?.authorization_response_iss_parameter_supported)
    }

    /// Where to send a browser for a login.
    pub async fn build_authorization_url(&self, request: &AuthorizationRequest<'_>) -> Result<Url, ProviderFailure> {
        let discovery = self.discover().await?;
        self.code_flow(&discovery).build_authorization_url(request)
    }

    /// Where users log out at the provider (`OpenID` Connect RP-Initiated Logout 1.0, 2); `None` if it has no such page.
    pub async fn find_logout_endpoint(&self) -> Result<Option<Url>, ProviderFailure> {
        Ok(self.discover().await?.end_session_endpoint.clone())
    }

    /// Where programs log in; `None` if the provider has no device codes.
    pub async fn find_device_login(&self) -> Result<Option<DeviceLogin>, ProviderFailure> {
        let discovery = self.discover().await?;
        Ok(discovery.device_authorization_endpoint.as_ref().map(|endpoint| DeviceLogin {
            client_id: self.settings.device_client_id().to_owned(),
            scope: self.settings.scope.clone(),
            device_authorization_endpoint: endpoint.to_string(),
            token_endpoint: discovery.token_endpoint.to_string(),
        }))
    }

    /// Exchanges a code for tokens, which are not verified yet.
    pub async fn exchange_code(&self, exchange: &CodeExchange<'_>) -> Result<ProviderTokens, ProviderLoginError> {
        let discovery = self.discover().await?;
        self.code_flow(&discovery).exchange_code(&self.http, exchange).await
    }

    fn code_flow<'p>(&'p self, discovery: &'p Discovery) -> CodeFlow<'p> {
        CodeFlow { settings: &self.settings, secret: self.secret.as_ref(), discovery }
    }

    /// Verifies an ID token, and finds its user.
    pub async fn verify_id_token(
        &self,
        id_token: &str,
        expected: &ExpectedIdToken<'_>,
    ) -> Result<VerifiedIdToken, ProviderLoginError> {
        let token = UnverifiedToken::parse(id_token, &ID_TOKEN_TYPES)?;
        let claims = self.verify_signature(&token).await?;
        let now = self.clock.now().as_second();
        let settings = &self.settings;
        let ExpectedIdToken { client_id, nonce, access_token } = *expected;
        IdTokenRules { issuer: settings.issuer(), client_id, nonce, now }.check_claims(&claims)?;
        if access_token.is_some_and(|access_token| !token.has_hash_of(&claims, access_token)) {
            return Err(ProviderLoginError::AccessTokenHash);
        }
        settings.required_level().check_claims(&claims, now)?;
        let user = self.find_user(&claims)?;
        Ok(VerifiedIdToken { claims, user })
    }

    /// The logout that a token tells of; `None` if it is not valid.
    pub async fn verify_logout_token(&self, logout_token: &str) -> Result<Option<ProviderLogout>, ProviderLoginError> {
        let Ok(token) = UnverifiedToken::parse(logout_token, &LOGOUT_TOKEN_TYPES) else { return Ok(None) };
        let claims = match self.verify_signature(&token).await {
            Ok(claims) => claims,
            Err(ProviderLoginError::Signature(_)) => return Ok(None),
            Err(e) => return Err(e),
        };
        let now = self.clock.now().as_second();
        let clients = [self.settings.client_id.as_str(), self.settings.device_client_id()];
        Ok(check_logout_token(&claims, self.settings.issuer(), &clients, now))
    }

    async fn verify_signature(&self, token: &UnverifiedToken<'_>) -> Result<ProviderClaims, ProviderLoginError> {
        let url = self.discover().await?.jwks_uri.to_string();
        Ok(self.keys.verify_signature(&url, token).await?)
    }

    fn find_user(&self, claims: &ProviderClaims) -> Result<ProviderUser, NameFault> {
        let rules = NameRules {
            mechanism: self.settings.mechanism(),
            claim: &self.settings.username_claim,
            format: self.settings.username_format,
            root_names: &self.root_names,
        };
        rules.find_user(claims)
    }
}
