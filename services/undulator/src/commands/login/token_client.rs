//! Requests to the login service of a facility.

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use service_kit::HttpClient;
use thiserror::Error;

use crate::commands::requests::{RequestError, check_response, connection_error};

/// What the service shows in lists of logins, and binds refresh tokens to.
const CLIENT_ID: &str = "undulator-cli";

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

    /// Each refresh token is accepted once.
    pub async fn refresh_tokens(&self, refresh_token: &str) -> Result<IssuedTokens, TokenError> {
        let body = json!({"refresh_token": refresh_token, "client_id": CLIENT_ID});
        let sent = self.http.post(format!("{}/auth/v1/token/refresh", self.url)).json(&body).send().await;
        match check_response(sent, refresh_token).await {
            Ok(response) => Ok(parse_body(response).await?),
            Err(RequestError::Refused(_)) => Err(TokenError::LoginEnded),
            Err(e) => Err(e.into()),
        }
    }

    /// Ends the login of a refresh token, which may have ended before.
    pub async fn end_login(&self, refresh_token: &str) -> Result<(), RequestError> {
        let body = json!({"refresh_token": refresh_token, "client_id": CLIENT_ID});
        let sent = self.http.post(format!("{}/auth/v1/logout", self.url)).json(&body).send().await;
        check_response(sent, refresh_token).await.map(drop)
    }

    /// The login of an access token.
    pub async fn find_current_login(&self, access_token: &str) -> Result<KnownLogin, RequestError> {
        let sent = self.http.get(format!("{}/auth/v1/logins", self.url)).bearer_auth(access_token).send().await;
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
