//! Requests to identity providers: bounded in time and size, and never redirected.

use std::time::Duration;

use oauth2::http::{self, StatusCode};
use serde::de::DeserializeOwned;
use service_kit::{HttpClient, LimitedBodyError, Peer, read_limited_body};
use thiserror::Error;

const TIMEOUT: Duration = Duration::from_secs(10);
const MAX_BODY_BYTES: usize = 1 << 20;

/// Why a provider gave no usable answer. The texts contain no addresses and no bodies.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ProviderFailure {
    #[error("the provider does not answer: {0}")]
    NoAnswer(String),
    #[error("the provider answered status {0}")]
    Status(u16),
    #[error("the provider sent something else than expected: {0}")]
    BadAnswer(String),
}

impl ProviderFailure {
    /// Whether trying again later may help.
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::NoAnswer(_) => true,
            Self::Status(status) => *status >= 500 || *status == 429,
            Self::BadAnswer(_) => false,
        }
    }
}

/// Asks providers. Cheap to clone.
#[derive(Clone)]
pub struct ProviderHttp(HttpClient);

impl ProviderHttp {
    pub fn new(http: HttpClient) -> Self {
        Self(http)
    }

    /// A JSON document.
    pub async fn get_json<T: DeserializeOwned>(&self, url: &str, template: &'static str) -> Result<T, ProviderFailure> {
        let request = self.0.get(url).timeout(TIMEOUT).with_extension(Peer { service: "identity-provider", template });
        let response = request.send().await.map_err(|e| no_answer(&e))?;
        if !response.status().is_success() {
            return Err(ProviderFailure::Status(response.status().as_u16()));
        }
        let body = read_body(response).await?;
        serde_json::from_slice(&body).map_err(|e| ProviderFailure::BadAnswer(describe_json_error(&e)))
    }

    /// A request to the token endpoint or another one that takes a form.
    pub async fn send(
        &self,
        request: http::Request<Vec<u8>>,
        template: &'static str,
    ) -> Result<http::Response<Vec<u8>>, ProviderFailure> {
        let (parts, body) = request.into_parts();
        let peer = Peer { service: "identity-provider", template };
        let request = self.0.post(parts.uri.to_string()).headers(parts.headers).body(body);
        let response = request.timeout(TIMEOUT).with_extension(peer).send().await.map_err(|e| no_answer(&e))?;
        let status = response.status();
        if status.is_server_error() || status.is_redirection() || status == StatusCode::TOO_MANY_REQUESTS {
            return Err(ProviderFailure::Status(status.as_u16()));
        }
        let body = read_body(response).await?;
        let answer = http::Response::builder().status(status).body(body);
        answer.map_err(|e| ProviderFailure::BadAnswer(e.to_string()))
    }
}

async fn read_body(response: reqwest::Response) -> Result<Vec<u8>, ProviderFailure> {
    read_limited_body(response, MAX_BODY_BYTES).await.map_err(|e| match e {
        LimitedBodyError::Broken(e) => no_answer(&e),
        LimitedBodyError::TooLong(_) => ProviderFailure::BadAnswer("more than 1 MiB".to_owned()),
    })
}

fn no_answer(e: &(dyn std::error::Error + 'static)) -> ProviderFailure {
    ProviderFailure::NoAnswer(service_kit::problem::root_cause(e))
}

/// Where the fault is, without what stands there.
fn describe_json_error(e: &serde_json::Error) -> String {
    format!("JSON of another shape, at line {} column {}", e.line(), e.column())
}
