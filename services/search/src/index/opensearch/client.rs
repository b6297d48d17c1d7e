//! Requests to OpenSearch, from threads that may block.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use reqwest_middleware::ClientWithMiddleware;
use serde_json::Value;
use service_kit::problem::format_error_chain;
use service_kit::{Ctx, Peer, Secret};
use tokio::runtime::Handle;

use super::config::OpenSearchConfig;
use crate::domain::deadline::Deadline;
use crate::index::error::IndexError;

/// How long a request without an earlier deadline may take.
pub const MAX_REQUEST_TIME: Duration = Duration::from_mins(2);

/// One request.
#[derive(Debug)]
pub struct Call {
    pub method: Method,
    /// The path without names of indices, for traces.
    pub template: &'static str,
    /// Path and query.
    pub path: String,
    pub body: Option<String>,
    pub limit: Duration,
}

impl Call {
    pub fn new(method: Method, template: &'static str, path: String) -> Self {
        Self { method, template, path, body: None, limit: MAX_REQUEST_TIME }
    }

    pub fn with_json(self, body: &Value) -> Self {
        self.with_body(body.to_string())
    }

    pub fn with_body(self, body: String) -> Self {
        Self { body: Some(body), ..self }
    }

    /// Ends at the deadline, if that is earlier.
    pub fn until(self, deadline: Deadline) -> Self {
        Self { limit: deadline.remaining().min(MAX_REQUEST_TIME), ..self }
    }
}

pub struct OpenSearchClient {
    http: ClientWithMiddleware,
    runtime: Handle,
    url: String,
    user: String,
    password: Secret,
}

impl OpenSearchClient {
    /// Must be called in the main runtime of the process.
    pub fn new(ctx: &Ctx, config: &OpenSearchConfig) -> Self {
        Self {
            http: ctx.http.clone(),
            runtime: Handle::current(),
            url: config.url.trim_end_matches('/').to_owned(),
            user: config.user.clone(),
            password: config.password.clone(),
        }
    }

    /// Sends a request and returns its JSON; other answers than 2xx are errors. Blocks the thread.
    pub fn request_json(&self, call: Call) -> Result<Value, IndexError> {
        let (status, body) = self.send(call)?;
        if status.is_success() { Ok(body) } else { Err(explain_refusal(status, &body)) }
    }

    /// The same for what may be missing: `None` is 404.
    pub fn find_json(&self, call: Call) -> Result<Option<Value>, IndexError> {
        match self.send(call)? {
            (StatusCode::NOT_FOUND, _) => Ok(None),
            (status, body) if status.is_success() => Ok(Some(body)),
            (status, body) => Err(explain_refusal(status, &body)),
        }
    }

    /// Sends a request whose answer does not matter, without waiting.
    pub fn send_later(&self, call: Call) {
        let request = self.build_request(call);
        self.runtime.spawn(async move {
            if let Err(e) = request.send().await {
                tracing::debug!(
                    error = format_error_chain(&e),
                    "OpenSearch was not told that a point in time has ended"
                );
            }
        });
    }

    fn build_request(&self, call: Call) -> reqwest_middleware::RequestBuilder {
        let mut request = self
            .http
            .request(call.method, format!("{}/{}", self.url, call.path))
            .timeout(call.limit)
            .with_extension(Peer { service: "opensearch", template: call.template });
        if !self.user.is_empty() {
            request = request.basic_auth(&self.user, Some(self.password.expose()));
        }
        match call.body {
            Some(body) => request.header("Content-Type", content_type(call.template)).body(body),
            None => request,
        }
    }

    fn send(&self, call: Call) -> Result<(StatusCode, Value), IndexError> {
        let request = self.build_request(call);
        self.runtime.block_on(async {
            let response = request.send().await.map_err(|e| describe_failure(&e))?;
            let status = response.status();
            let bytes = response.bytes().await.map_err(|e| describe_failure(&e))?;
            let body = serde_json::from_slice(&bytes).unwrap_or_else(|_| String::from_utf8_lossy(&bytes).into());
            Ok((status, body))
        })
    }
}

fn content_type(template: &str) -> &'static str {
    if template == "/_bulk" { "application/x-ndjson" } else { "application/json" }
}

fn describe_failure(error: &dyn std::error::Error) -> IndexError {
    IndexError::Unavailable(format_error_chain(error))
}

/// Says why OpenSearch refused a request. Too many requests and missing shards pass; mistakes do not.
fn explain_refusal(status: StatusCode, body: &Value) -> IndexError {
    let error = &body["error"];
    let cause = error["root_cause"].get(0).unwrap_or(error);
    let reason =
        cause["reason"].as_str().or_else(|| error.as_str()).or_else(|| body.as_str()).unwrap_or("no reason given");
    let kind = cause["type"].as_str().unwrap_or("error");
    let text = format!("{status}: {kind}: {reason}");
    if matches!(kind, "too_many_clauses" | "too_many_nested_clauses") || reason.contains("maxClauseCount") {
        return IndexError::TooManyConditions;
    }
    match status {
        StatusCode::NOT_FOUND if kind == "search_context_missing_exception" => IndexError::PointInTimeEnded,
        StatusCode::TOO_MANY_REQUESTS
        | StatusCode::SERVICE_UNAVAILABLE
        | StatusCode::BAD_GATEWAY
        | StatusCode::GATEWAY_TIMEOUT
        | StatusCode::UNAUTHORIZED
        | StatusCode::FORBIDDEN => IndexError::Unavailable(text),
        // Of a pattern with wildcards.
        StatusCode::BAD_REQUEST if reason.contains("Determinizing automaton") => IndexError::Pattern,
        _ => IndexError::Refused(text),
    }
}
