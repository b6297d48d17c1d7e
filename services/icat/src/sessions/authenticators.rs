//! The authenticator plugins that this catalogue asks, over ICAT's authenticator protocol.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use service_kit::{Endpoints, HttpClient, HttpError, Listener, Peer};
use utoipa::ToSchema;

use super::Login;
use super::authenticator_refusal::AuthenticatorRefusal;
use crate::config::{AuthenticatorConfig, Config};
use crate::error::Error;

/// How long an authenticator may take; password hashes are slow on purpose.
const AUTHENTICATE_TIMEOUT: Duration = Duration::from_secs(15);
const DESCRIBE_TIMEOUT: Duration = Duration::from_secs(5);
/// Seconds, if a busy authenticator does not say.
pub const DEFAULT_RETRY_AFTER: u32 = 5;

/// A client of the configured authenticators.
pub struct Authenticators {
    http: HttpClient,
    authenticators: Vec<Authenticator>,
}

/// A configured authenticator.
pub struct Authenticator {
    pub config: AuthenticatorConfig,
    /// Its root address.
    url: String,
}

// A credential that an authenticator asks for. Not a doc comment, which would change the `OpenAPI` document.
#[derive(Serialize, Deserialize, ToSchema)]
#[schema(as = Key)]
pub struct CredentialKey {
    /// Such as `username`.
    name: String,
    /// Present if the value is a secret.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    hide: bool,
}

/// An authenticator's answer to a description request.
#[derive(Deserialize)]
struct Description {
    keys: Vec<CredentialKey>,
}

/// An authenticator's answer to accepted credentials; unknown fields are ignored.
#[derive(Deserialize)]
struct AuthenticatedUser {
    username: String,
    mechanism: Option<String>,
}

impl Authenticators {
    pub fn new(config: &Config, endpoints: &Endpoints, http: HttpClient) -> Self {
        let resolve = |authenticator: &AuthenticatorConfig| {
            let url = authenticator.url.as_ref().unwrap_or(&config.authn_url);
            Authenticator { config: authenticator.clone(), url: endpoints.resolve_url(url, Listener::Internal) }
        };
        Self { http, authenticators: config.authn.iter().map(resolve).collect() }
    }

    /// In the order of the settings.
    pub fn iter(&self) -> impl Iterator<Item = &Authenticator> {
        self.authenticators.iter()
    }

    pub fn find_by_mnemonic(&self, mnemonic: &str) -> Result<&Authenticator, Error> {
        let found = self.iter().find(|authenticator| authenticator.config.mnemonic == mnemonic);
        found.ok_or_else(|| Error::Session(format!("Authenticator mnemonic {mnemonic} not recognised")))
    }

    /// The credentials that an authenticator asks for.
    pub async fn fetch_keys(&self, authenticator: &Authenticator) -> Result<Vec<CredentialKey>, Error> {
        let fetch = async {
            let request = self
                .http
                .get(format!("{}/authn.{}/description", authenticator.url, authenticator.config.mnemonic))
                .timeout(DESCRIBE_TIMEOUT)
                .with_extension(Peer { service: "auth", template: "/authn.{mnemonic}/description" });
            let description: Description = request.send().await?.error_for_status()?.json().await?;
            Ok(description.keys)
        };
        fetch.await.map_err(|source: HttpError| authenticator.unreachable(source))
    }

    /// Sends the credentials of a login; the user's full name.
    pub async fn authenticate_user(
        &self,
        authenticator: &Authenticator,
        login: &Login,
        ip: &str,
    ) -> Result<String, Error> {
        let mnemonic = &authenticator.config.mnemonic;
        let credentials: Vec<Value> =
            login.credentials.iter().map(|(key, value)| json!({key.as_str(): value})).collect();
        let body = json!({"credentials": credentials, "ip": ip}).to_string();
        let answer = self
            .http
            .post(format!("{}/authn.{mnemonic}/authenticate", authenticator.url))
            .timeout(AUTHENTICATE_TIMEOUT)
            .form(&[("json", body)])
            .with_extension(Peer { service: "auth", template: "/authn.{mnemonic}/authenticate" })
            .send()
            .await
            .map_err(|source| authenticator.unreachable(source))?;
        let (status, retry_after) = (answer.status(), parse_retry_after(&answer));
        let text = answer.text().await.map_err(|e| authenticator.unreachable(e.into()))?;
        if matches!(status.as_u16(), 429 | 502..=504) {
            // It has not checked the password: whoever sent the right one must not read that it is wrong.
            let refusal = AuthenticatorRefusal::parse_json(&text).filter(|_| status.as_u16() == 429);
            let message = refusal.map_or_else(
                || format!("The authenticator of type {mnemonic} is too busy; try again in a few seconds"),
                |refusal| refusal.message,
            );
            return Err(Error::AuthenticatorBusy { message, retry_after });
        }
        let malformed = || Error::Authenticator {
            message: format!("The authenticator of type {mnemonic} answered something that is not its protocol"),
            source: None,
        };
        if !status.is_success() {
            let AuthenticatorRefusal { message, .. } = AuthenticatorRefusal::parse_json(&text).ok_or_else(malformed)?;
            // Nobody is refused for a full disk.
            return Err(match status.as_u16() {
                507 => Error::AuthenticatorDiskFull { message, retry_after },
                _ => Error::Session(message),
            });
        }
        let user: AuthenticatedUser = serde_json::from_str(&text).map_err(|_| malformed())?;
        Ok(match user.mechanism {
            Some(mechanism) => format!("{mechanism}/{}", user.username),
            None => user.username,
        })
    }
}

impl Authenticator {
    fn unreachable(&self, source: HttpError) -> Error {
        let message = format!("No authenticator of type {} is working", self.config.mnemonic);
        Error::Authenticator { message, source: Some(source) }
    }
}

/// In seconds.
fn parse_retry_after(answer: &reqwest::Response) -> u32 {
    let header = answer.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
    header.unwrap_or(DEFAULT_RETRY_AFTER)
}
