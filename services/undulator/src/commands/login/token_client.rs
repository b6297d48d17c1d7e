//! Requests to the login service of a facility.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::StatusCode;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use service_kit::{HttpClient, Secret};
use thiserror::Error;

use crate::commands::requests::{RequestError, check_response, connection_error, sanitize_text};

/// What the service shows in lists of logins, and binds refresh tokens to.
const CLIENT_ID: &str = "undulator-cli";
/// A refresh token is accepted again for 20 s after its first use: if the answer is lost, there is time for another try.
const REFRESH_TIMEOUT: Duration = Duration::from_secs(10);
/// The most logins that the service lists at once.
const MAX_LISTED_LOGINS: u32 = 500;

pub struct TokenClient {
    http: HttpClient,
    /// Of the facility, without a slash at the end.
    url: String,
}

/// Tokens of a login. Times are seconds from now.
#[derive(Deserialize)]
pub struct IssuedTokens {
    pub access_token: String,
    pub expires_in: i64,
    pub refresh_token: String,
    pub refresh_expires_in: i64,
}

/// Where a program logs in at an identity provider.
#[derive(Deserialize)]
pub struct DeviceLogin {
    pub client_id: String,
    /// Separated by blanks.
    pub scope: String,
    pub device_authorization_endpoint: String,
    pub token_endpoint: String,
}

#[derive(Deserialize)]
struct Providers {
    providers: Vec<Provider>,
}

#[derive(Deserialize)]
struct Provider {
    name: String,
}

/// A login as the service knows it.
#[derive(Deserialize)]
pub struct KnownLogin {
    is_current: bool,
    pub mechanism: String,
    pub started_at: Timestamp,
    pub ends_at: Timestamp,
}

#[derive(Deserialize)]
struct Logins {
    logins: Vec<KnownLogin>,
}

#[derive(Debug, Error)]
pub enum TokenError {
    #[error("the login has ended")]
    LoginEnded,
    #[error(transparent)]
    Request(#[from] RequestError),
}

impl TokenClient {
    pub fn new(http: HttpClient, url: &str) -> Self {
        Self { http, url: url.to_owned() }
    }

    pub async fn create_tokens(
        &self,
        mechanism: &str,
        name: &str,
        password: &str,
    ) -> Result<IssuedTokens, RequestError> {
        let body = json!({
            "plugin": mechanism, "username": name, "password": password, "client_id": CLIENT_ID, "refresh_token": "body",
        });
        let sent = self.http.post(format!("{}/auth/v1/token", self.url)).json(&body).send().await;
        parse_body(check_response(sent, password).await?).await
    }

    /// Where to log in with an identity provider of the facility.
    pub async fn find_device_login(&self, provider: &str) -> Result<DeviceLogin, RequestError> {
        let sent = self.http.get(format!("{}/auth/v1/providers", self.url)).send().await;
        let Providers { providers } = parse_body(check_response(sent, "").await?).await?;
        if !providers.iter().any(|known| known.name == provider) {
            let names: Vec<&str> = providers.iter().map(|known| known.name.as_str()).collect();
            let known =
                if names.is_empty() { "it has none".to_owned() } else { format!("it has {}", names.join(", ")) };
            let text = format!("the facility has no identity provider `{}`; {known}", sanitize_text(provider));
            return Err(RequestError::Failed(sanitize_text(&text)));
        }
        let sent = self.http.get(format!("{}/auth/v1/providers/{provider}/device", self.url)).send().await;
        parse_body(check_response(sent, "").await?).await
    }

    /// Tokens for a login that an identity provider has proved.
    pub async fn create_tokens_from_provider(
        &self,
        provider: &str,
        id_token: &Secret,
    ) -> Result<IssuedTokens, RequestError> {
        let body = json!({
            "provider": provider, "id_token": id_token.expose(), "client_id": CLIENT_ID, "refresh_token": "body",
        });
        let sent = self.http.post(format!("{}/auth/v1/token/provider", self.url)).json(&body).send().await;
        parse_body(check_response(sent, id_token.expose()).await?).await
    }

    /// Each refresh token is accepted once.
    pub async fn refresh_tokens(&self, refresh_token: &str) -> Result<IssuedTokens, TokenError> {
        let body = json!({"refresh_token": refresh_token, "client_id": CLIENT_ID});
        let request = self.http.post(format!("{}/auth/v1/token/refresh", self.url)).json(&body);
        let sent = request.timeout(REFRESH_TIMEOUT).send().await;
        // Another refusal, such as that of a proxy, does not end the login.
        if sent.as_ref().is_ok_and(|response| response.status() == StatusCode::UNAUTHORIZED) {
            return Err(TokenError::LoginEnded);
        }
        Ok(parse_body(check_response(sent, refresh_token).await?).await?)
    }

    /// Ends the login of a refresh token, which may have ended before.
    pub async fn end_login(&self, refresh_token: &str) -> Result<(), RequestError> {
        let body = json!({"refresh_token": refresh_token, "client_id": CLIENT_ID});
        let sent = self.http.post(format!("{}/auth/v1/logout", self.url)).json(&body).send().await;
        check_response(sent, refresh_token).await.map(drop)
    }

    /// The login of an access token.
    pub async fn find_login_of_token(&self, access_token: &str) -> Result<KnownLogin, RequestError> {
        let url = format!("{}/auth/v1/logins?limit={MAX_LISTED_LOGINS}", self.url);
        let sent = self.http.get(url).bearer_auth(access_token).send().await;
        let Logins { logins } = parse_body(check_response(sent, access_token).await?).await?;
        let current = logins.into_iter().find(|login| login.is_current);
        current.ok_or_else(|| RequestError::Failed("the login is not in the list of logins".to_owned()))
    }
}

/// Errors never repeat the body, which has tokens in it.
async fn parse_body<T: DeserializeOwned>(response: reqwest::Response) -> Result<T, RequestError> {
    let body = response.bytes().await.map_err(connection_error)?;
    serde_json::from_slice(&body)
        .map_err(|_| RequestError::Failed("the answer is not that of a login service; is its URL right?".to_owned()))
}
