//! Logging in at an identity provider with a code that the user confirms in a browser, on whatever device (RFC 8628).

use std::time::Duration;

use oauth2::basic::{
    BasicErrorResponse, BasicRevocationErrorResponse, BasicTokenIntrospectionResponse, BasicTokenType,
};
use oauth2::{
    AuthType, Client, ClientId, DeviceAuthorizationUrl, DeviceCodeErrorResponseType, ExtraTokenFields, HttpRequest,
    HttpResponse, PkceCodeChallenge, RequestTokenError, Scope, StandardDeviceAuthorizationResponse,
    StandardRevocableToken, StandardTokenResponse, TokenUrl,
};
use serde::{Deserialize, Serialize};
use service_kit::{HttpClient, LimitedBodyError, Secret, read_limited_body};

use super::token_client::DeviceLogin;
use crate::commands::requests::{RequestError, connection_error, sanitize_text};

/// Longer answers are not read.
const MAX_ANSWER_BYTES: usize = 1 << 20;

/// What `OpenID` Connect adds to the answer of the token endpoint.
#[derive(Debug, Deserialize, Serialize)]
struct IdTokenField {
    id_token: Option<String>,
}

impl ExtraTokenFields for IdTokenField {}

type TokenAnswer = StandardTokenResponse<IdTokenField, BasicTokenType>;
type DeviceClient = Client<
    BasicErrorResponse,
    TokenAnswer,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
>;

/// What an operation demands of the login (RFC 9470).
pub struct LoginDemand<'a> {
    /// Levels of which the provider must state one; empty: any.
    pub acr_values: &'a [String],
    pub max_age: Option<Duration>,
}

/// Gets an ID token. `tell_user` says where the login is confirmed; until then, the provider is asked as often as it wants.
pub async fn get_id_token(
    http: &HttpClient,
    device: &DeviceLogin,
    demand: &LoginDemand<'_>,
    tell_user: impl FnOnce(&str),
) -> Result<Secret, RequestError> {
    let bad_url = |_| RequestError::Failed("the facility names no usable address of its identity provider".to_owned());
    let client = DeviceClient::new(ClientId::new(device.client_id.clone()))
        .set_auth_type(AuthType::RequestBody)
        .set_device_authorization_url(
            DeviceAuthorizationUrl::new(device.device_authorization_endpoint.clone()).map_err(bad_url)?,
        )
        .set_token_uri(TokenUrl::new(device.token_endpoint.clone()).map_err(bad_url)?);
    let send = |request| send_request(http, request);
    // Providers that demand PKCE demand it here too, and others ignore it.
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let levels = (!demand.acr_values.is_empty()).then(|| ("acr_values", demand.acr_values.join(" ")));
    let age = demand.max_age.map(|age| ("max_age", age.as_secs().to_string()));
    let mut request = client.exchange_device_code();
    for (name, value) in levels.into_iter().chain(age) {
        request = request.add_extra_param(name, value);
    }
    let code: StandardDeviceAuthorizationResponse = request
        .add_scopes(device.scope.split_whitespace().map(|scope| Scope::new(scope.to_owned())))
        .add_extra_param("code_challenge", challenge.as_str().to_owned())
        .add_extra_param("code_challenge_method", challenge.method().as_str().to_owned())
        .request_async(&send)
        .await
        .map_err(|e| match e {
            RequestTokenError::Request(e) => e,
            RequestTokenError::ServerResponse(response) => refused(response.error().as_ref()),
            RequestTokenError::Parse(..) | RequestTokenError::Other(_) => not_understood(),
        })?;
    tell_user(&describe_code(&code));
    let answer = client
        .exchange_device_access_token(&code)
        .add_extra_param("code_verifier", verifier.secret().clone())
        .request_async(&send, tokio::time::sleep, None)
        .await
        .map_err(|e| match e {
            RequestTokenError::Request(e) => e,
            RequestTokenError::ServerResponse(response) => match response.error() {
                DeviceCodeErrorResponseType::AccessDenied => {
                    RequestError::Refused("the login was refused in the browser".to_owned())
                }
                DeviceCodeErrorResponseType::ExpiredToken => {
                    RequestError::Failed("nobody confirmed the login in time; start it again".to_owned())
                }
                other => refused(other.as_ref()),
            },
            RequestTokenError::Parse(..) | RequestTokenError::Other(_) => not_understood(),
        })?;
    let id_token = answer.extra_fields().id_token.clone();
    id_token.map(Secret::new).ok_or_else(|| RequestError::Failed("the identity provider sent no ID token".to_owned()))
}

/// Where the user confirms the login.
fn describe_code(code: &StandardDeviceAuthorizationResponse) -> String {
    let (uri, user_code) = (sanitize_text(code.verification_uri().as_str()), sanitize_text(code.user_code().secret()));
    match code.verification_uri_complete() {
        Some(complete) => format!(
            "Open this address in a browser, on any device, and check that it shows the code {user_code}:\n\n  {}\n",
            sanitize_text(complete.secret())
        ),
        None => format!("Open this address in a browser, on any device, and enter the code {user_code}:\n\n  {uri}\n"),
    }
}

fn refused(error: &str) -> RequestError {
    RequestError::Refused(format!("the identity provider refuses this program ({})", sanitize_text(error)))
}

/// The answer may have tokens in it, and is not shown.
fn not_understood() -> RequestError {
    RequestError::Failed("the identity provider answered something unexpected".to_owned())
}

async fn send_request(http: &HttpClient, request: HttpRequest) -> Result<HttpResponse, RequestError> {
    let (parts, body) = request.into_parts();
    let sent = http.post(parts.uri.to_string()).headers(parts.headers).body(body).send().await;
    let response = sent.map_err(|_| RequestError::temporary("the identity provider does not answer"))?;
    let status = response.status();
    let body = read_limited_body(response, MAX_ANSWER_BYTES).await.map_err(|e| match e {
        LimitedBodyError::Broken(e) => connection_error(e),
        LimitedBodyError::TooLong(_) => not_understood(),
    })?;
    oauth2::http::Response::builder().status(status).body(body).map_err(|_| not_understood())
}
