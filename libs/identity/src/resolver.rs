//! From a token to the ICAT session behind it, asked of auth's internal listener.

use std::time::Duration;

use reqwest::StatusCode;
use serde::Deserialize;
use service_kit::{Code, HttpClient, Peer, Problem, Secret};

const TIMEOUT: Duration = Duration::from_secs(5);

pub struct SessionResolver {
    http: HttpClient,
    /// Empty: nobody can be asked.
    auth_url: String,
}

/// What auth says of a token.
pub enum ResolvedToken {
    Session {
        session: Secret,
        user_name: String,
    },
    /// Auth does not answer: the caller is known, the session is not.
    Unknown,
}

#[derive(Deserialize)]
struct Answer {
    session_id: String,
    user_name: String,
}

impl SessionResolver {
    pub fn new(http: HttpClient, auth_url: String) -> Self {
        Self { http, auth_url }
    }

    /// Unauthenticated if auth says that the session has ended.
    pub async fn resolve_token(&self, token: &str) -> Result<ResolvedToken, Problem> {
        if self.auth_url.is_empty() {
            return Ok(ResolvedToken::Unknown);
        }
        let request = self.http.post(format!("{}/sessions/resolve", self.auth_url)).bearer_auth(token).timeout(TIMEOUT);
        let sent = request.with_extension(Peer { service: "auth", template: "/sessions/resolve" }).send().await;
        let answer = match sent {
            Ok(answer) => answer,
            Err(e) => {
                tracing::warn!(error = %e, "auth does not answer; the caller is known by the token alone");
                return Ok(ResolvedToken::Unknown);
            }
        };
        match answer.status() {
            StatusCode::OK => {
                let answer: Answer = answer.json().await.map_err(|e| Problem::internal(e.without_url()))?;
                Ok(ResolvedToken::Session { session: Secret::new(answer.session_id), user_name: answer.user_name })
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
