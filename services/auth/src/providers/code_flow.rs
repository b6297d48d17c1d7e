//! The authorization code flow with PKCE (RFC 6749, 4.1; RFC 7636; RFC 9700, 2.1.1).

use std::borrow::Cow;
use std::time::Duration;

use oauth2::basic::{
    BasicErrorResponse, BasicRevocationErrorResponse, BasicTokenIntrospectionResponse, BasicTokenType,
};
use oauth2::url::Url;
use oauth2::{
    AuthType, AuthUrl, AuthorizationCode, Client, ClientId, ClientSecret, CsrfToken, EndpointNotSet, EndpointSet,
    ExtraTokenFields, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, RequestTokenError, Scope,
    StandardRevocableToken, StandardTokenResponse, TokenResponse as _, TokenUrl,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use service_kit::Secret;

use super::discovery::Discovery;
use super::error::ProviderLoginError;
use super::http::{ProviderFailure, ProviderHttp};
use super::settings::ProviderSettings;
use super::signature::SignatureFault;

/// Texts of providers in errors are cut.
const MAX_ERROR_CHARS: usize = 60;

/// What `OpenID` Connect adds to the answer of the token endpoint.
#[derive(Debug, Deserialize, Serialize)]
struct IdTokenField {
    /// A text, unless the provider is broken.
    id_token: Option<Value>,
}

impl ExtraTokenFields for IdTokenField {}

type TokenAnswer = StandardTokenResponse<IdTokenField, BasicTokenType>;
type ProviderClient = Client<
    BasicErrorResponse,
    TokenAnswer,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
>;

/// A login that a browser is sent to the provider for.
#[derive(Debug, Clone, Copy)]
pub struct AuthorizationRequest<'a> {
    pub redirect_uri: &'a str,
    pub state: &'a str,
    pub nonce: &'a str,
    pub code_verifier: &'a str,
    /// The levels that are asked for, the one that is wanted most first.
    pub acr_values: &'a [String],
    /// The authentication contexts of Microsoft Entra that are asked for.
    pub acrs: &'a [String],
    pub max_age: Option<Duration>,
    /// Whether the provider must ask for the password also if somebody is logged in there.
    pub forces_login: bool,
}

/// A code that a provider gave, and what proves that it was given to us.
#[derive(Debug, Clone, Copy)]
pub struct CodeExchange<'a> {
    pub code: &'a str,
    pub redirect_uri: Option<&'a str>,
    pub code_verifier: Option<&'a str>,
}

/// What the provider gives for a code.
pub struct ProviderTokens {
    pub id_token: String,
    pub access_token: String,
}

/// The client of this site at a provider.
pub struct CodeFlow<'p> {
    pub settings: &'p ProviderSettings,
    pub secret: Option<&'p Secret>,
    pub discovery: &'p Discovery,
}

impl CodeFlow<'_> {
    fn build_client(&self) -> ProviderClient {
        let has_basic = self.discovery.has_basic_authentication();
        let auth_type = if has_basic { AuthType::BasicAuth } else { AuthType::RequestBody };
        let client = Client::new(ClientId::new(self.settings.client_id.clone()))
            .set_auth_type(auth_type)
            .set_auth_uri(AuthUrl::from_url(self.discovery.authorization_endpoint.clone()))
            .set_token_uri(TokenUrl::from_url(self.discovery.token_endpoint.clone()));
        match self.secret {
            Some(secret) => client.set_client_secret(ClientSecret::new(secret.expose().to_owned())),
            None => client,
        }
    }

    /// Where the browser is sent. It has no secrets but those of this one login.
    pub fn build_authorization_url(&self, request: &AuthorizationRequest<'_>) -> Result<Url, ProviderFailure> {
        let client = self.build_client();
        let verifier = PkceCodeVerifier::new(request.code_verifier.to_owned());
        let state = request.state.to_owned();
        let scopes = self.settings.scope.split_whitespace().map(|scope| Scope::new(scope.to_owned()));
        let mut url = client
            .authorize_url(move || CsrfToken::new(state))
            .add_scopes(scopes)
            .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier))
            .set_redirect_uri(Cow::Owned(parse_redirect_uri(request.redirect_uri)?))
            .add_extra_param("nonce", request.nonce);
        if !request.acr_values.is_empty() {
            url = url.add_extra_param("acr_values", request.acr_values.join(" "));
        }
        if !request.acrs.is_empty() {
            // Not essential: a provider that cannot meet an essential demand shows an error page, and nobody comes back.
            let demand = serde_json::json!({"id_token": {"acrs": {"values": request.acrs}}});
            url = url.add_extra_param("claims", demand.to_string());
        }
        if let Some(max_age) = request.max_age {
            url = url.add_extra_param("max_age", max_age.as_secs().to_string());
        }
        if request.forces_login {
            url = url.add_extra_param("prompt", "login");
        }
        Ok(url.url().0)
    }

    /// Exchanges a code for tokens.
    pub async fn exchange_code(
        &self,
        http: &ProviderHttp,
        exchange: &CodeExchange<'_>,
    ) -> Result<ProviderTokens, ProviderLoginError> {
        let client = self.build_client();
        let mut request = client.exchange_code(AuthorizationCode::new(exchange.code.to_owned()));
        if let Some(redirect_uri) = exchange.redirect_uri {
            request = request.set_redirect_uri(Cow::Owned(parse_redirect_uri(redirect_uri)?));
        }
        if let Some(verifier) = exchange.code_verifier {
            request = request.set_pkce_verifier(PkceCodeVerifier::new(verifier.to_owned()));
        }
        let send = |request| http.send(request, "/token");
        let answer = request.request_async(&send).await.map_err(from_token_error)?;
        let id_token = match &answer.extra_fields().id_token {
            None | Some(Value::Null) => return Err(ProviderLoginError::NoIdToken),
            Some(Value::String(token)) => token.clone(),
            Some(_) => return Err(SignatureFault::NoToken.into()),
        };
        Ok(ProviderTokens { id_token, access_token: answer.access_token().secret().clone() })
    }
}

fn parse_redirect_uri(text: &str) -> Result<RedirectUrl, ProviderFailure> {
    // From the settings, and not from the provider; but it is only known to be wrong here.
    RedirectUrl::new(text.to_owned()).map_err(|_| ProviderFailure::BadAnswer("public_url is no address".to_owned()))
}

fn from_token_error(e: RequestTokenError<ProviderFailure, BasicErrorResponse>) -> ProviderLoginError {
    match e {
        RequestTokenError::ServerResponse(response) => {
            let word: String =
                response.error().as_ref().chars().filter(|c| !c.is_control()).take(MAX_ERROR_CHARS).collect();
            ProviderLoginError::CodeRefused(word)
        }
        RequestTokenError::Request(failure) => failure.into(),
        // The body may contain tokens, and is not shown.
        RequestTokenError::Parse(..) | RequestTokenError::Other(_) => {
            ProviderFailure::BadAnswer("the token endpoint did not answer as RFC 6749 says".to_owned()).into()
        }
    }
}
