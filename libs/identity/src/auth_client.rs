//! What is asked of auth's internal listener: the ICAT session behind a token, what an API key may be used for, the end of a login,
//! and the identity providers.

use std::time::Duration;

use reqwest::{Response, StatusCode};
use serde::Deserialize;
use service_kit::{Code, Ctx, HttpClient, HttpError, Listener, Peer, Problem, Secret};

use crate::api_keys::{ApiKey, ApiKeyRefusal};
use crate::login_level::LoginLevel;

const TIMEOUT: Duration = Duration::from_secs(5);

pub struct AuthClient {
    http: HttpClient,
    /// Empty: nobody can be asked.
    auth_url: String,
}

/// What auth says of a token.
pub enum ResolvedToken {
    Session {
        session: Secret,
        user_name: String,
        level: LoginLevel,
    },
    /// Auth does not answer: the caller is known, the session is not.
    Unknown,
}

/// What auth says of an API key.
pub enum ResolvedApiKey {
    Valid(ApiKey),
    Refused(ApiKeyRefusal),
    /// Auth does not answer.
    Unavailable,
}

/// The type of the problem with which auth refuses an API key that has expired.
const EXPIRED_API_KEY: &str = "urn:undulator:problem:auth/api-key-expired";

/// A problem of auth.
#[derive(Deserialize)]
struct Refusal {
    r#type: String,
}

/// An identity provider.
#[derive(Debug, Deserialize)]
pub struct ListedProvider {
    pub display_name: String,
    /// Where a login begins.
    pub start: String,
}

#[derive(Deserialize)]
struct ProviderList {
    providers: Vec<ListedProvider>,
}

#[derive(Deserialize)]
struct Answer {
    session_id: String,
    user_name: String,
    /// An auth of an earlier version does not say it.
    #[serde(flatten)]
    level: LoginLevel,
}

impl AuthClient {
    pub fn new(ctx: &Ctx) -> Self {
        let auth_url = ctx.endpoints.resolve_url(&ctx.config.core.identity.auth_url, Listener::Internal);
        Self { http: ctx.http.clone(), auth_url }
    }

    /// What an API key may be used for.
    pub async fn resolve_api_key(&self, key: &str) -> Result<ResolvedApiKey, Problem> {
        if self.auth_url.is_empty() {
            return Ok(ResolvedApiKey::Refused(ApiKeyRefusal::NoAuthService));
        }
        let sent = self.post_with_bearer("/api-keys/resolve", key).await;
        let answer = match sent {
            Ok(answer) => answer,
            Err(e) => {
                tracing::warn!(error = %e, "auth does not answer; API keys cannot be looked up");
                return Ok(ResolvedApiKey::Unavailable);
            }
        };
        match answer.status() {
            StatusCode::OK => {
                let key: ApiKey = answer.json().await.map_err(|e| Problem::internal(e.without_url()))?;
                Ok(ResolvedApiKey::Valid(key))
            }
            StatusCode::UNAUTHORIZED => {
                let refusal: Refusal = answer.json().await.map_err(|e| Problem::internal(e.without_url()))?;
                let is_expired = refusal.r#type == EXPIRED_API_KEY;
                let refusal = if is_expired { ApiKeyRefusal::Expired } else { ApiKeyRefusal::Unknown };
                Ok(ResolvedApiKey::Refused(refusal))
            }
            // Another service listens there: `identity.auth_url` is "self" in a process without auth.
            StatusCode::NOT_FOUND => Ok(ResolvedApiKey::Refused(ApiKeyRefusal::NoAuthService)),
            status => {
                tracing::warn!(status = status.as_u16(), "auth cannot look up API keys");
                Ok(ResolvedApiKey::Unavailable)
            }
        }
    }

    async fn post_with_bearer(&self, path: &'static str, credential: &str) -> Result<Response, HttpError> {
        let request = self.http.post(format!("{}{path}", self.auth_url)).bearer_auth(credential).timeout(TIMEOUT);
        request.with_extension(Peer { service: "auth", template: path }).send().await
    }

    /// Ends the login of a session handle or an access token; one that has ended before is not an error.
    pub async fn end_login(&self, credential: &str) -> Result<(), Problem> {
        let sent = self.post_with_bearer("/sessions/end", credential).await;
        match sent {
            Ok(answer) if answer.status().is_success() => Ok(()),
            Ok(answer) => Err(Problem::internal(format!("auth answers {} to a logout", answer.status()))),
            Err(e) => {
                let text = "logins cannot be ended now; try again later";
                Err(Problem::new(Code::Unavailable, "identity/auth-down", text).with_retry_after(10).with_source(e))
            }
        }
    }

    /// The identity providers that people can log in with; none while auth does not answer.
    pub async fn list_providers(&self) -> Vec<ListedProvider> {
        if self.auth_url.is_empty() {
            return Vec::new();
        }
        let request = self.http.get(format!("{}/providers", self.auth_url)).timeout(TIMEOUT);
        let sent = request.with_extension(Peer { service: "auth", template: "/providers" }).send().await;
        let answer = match sent {
            Ok(answer) if answer.status().is_success() => answer.json::<ProviderList>().await,
            // An auth of another version, or none: passwords are left.
            Ok(_) | Err(_) => return Vec::new(),
        };
        answer.map_or_else(
            |e| {
                tracing::warn!(error = %e.without_url(), "auth does not list its identity providers");
                Vec::new()
            },
            |list| list.providers,
        )
    }

    /// Unauthenticated if auth says that the session has ended.
    pub async fn resolve_token(&self, token: &str) -> Result<ResolvedToken, Problem> {
        if self.auth_url.is_empty() {
            return Ok(ResolvedToken::Unknown);
        }
        let sent = self.post_with_bearer("/sessions/resolve", token).await;
        let answer = match sent {
            Ok(answer) => answer,
            Err(e) => {
                tracing::warn!(error = %e, "auth does not answer; the caller is known by the token alone");
                return Ok(ResolvedToken::Unknown);
            }
        };
        match answer.status() {
            StatusCode::OK => {
                let answer = answer.json().await.map_err(|e| Problem::internal(e.without_url()))?;
                let Answer { session_id, user_name, level } = answer;
                Ok(ResolvedToken::Session { session: Secret::new(session_id), user_name, level })
            }
            StatusCode::UNAUTHORIZED => Err(session_ended_problem()),
            status => {
                tracing::warn!(
                    status = status.as_u16(),
                    "auth cannot resolve a token; the caller is known by it alone"
                );
                Ok(ResolvedToken::Unknown)
            }
        }
    }
}

pub fn session_ended_problem() -> Problem {
    Problem::new(Code::Unauthenticated, "identity/session-ended", "the session has ended; log in again")
}
