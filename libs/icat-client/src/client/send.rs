//! Sends requests. Reads that did not reach ICAT are retried after a short random pause. Writes and logins are not retried,
//! because they may have succeeded although the answer was lost.

use std::time::Duration;

use backon::{ExponentialBuilder, Retryable as _};
use reqwest::header::ETAG;
use reqwest::{Response, StatusCode};
use reqwest_middleware::RequestBuilder;
use serde::de::DeserializeOwned;

use super::error::{Failure, IcatError, WriteError, is_gateway_status};

/// How often a read is retried.
const MAX_RETRIES: usize = 2;

/// Sends a read, with retries; `secrets` are removed from errors.
pub(super) async fn send_read<T: DeserializeOwned>(request: RequestBuilder, secrets: &[&str]) -> Result<T, IcatError> {
    let attempt = || async { Ok::<T, IcatError>(send_once(repeat_request(&request)?, secrets).await?) };
    attempt.retry(retry_pauses()).sleep(tokio::time::sleep).when(IcatError::is_retryable).await
}

/// The answer to a read of something that may be known, or that not every server has.
pub(super) enum ConditionalAnswer {
    Changed { etag: Option<String>, body: Vec<u8> },
    Unchanged,
    NoEndpoint,
}

/// The same for a read with `If-None-Match` of something that not every server has.
pub(super) async fn send_conditional_read(
    request: RequestBuilder,
    secrets: &[&str],
) -> Result<ConditionalAnswer, IcatError> {
    let attempt = || async { send_conditional_once(repeat_request(&request)?, secrets).await };
    attempt.retry(retry_pauses()).sleep(tokio::time::sleep).when(IcatError::is_retryable).await
}

async fn send_conditional_once(request: RequestBuilder, secrets: &[&str]) -> Result<ConditionalAnswer, IcatError> {
    let response = request.send().await?;
    match response.status() {
        StatusCode::NOT_MODIFIED => return Ok(ConditionalAnswer::Unchanged),
        // icat.server answers 404 or 501, as JSON or as a page of its application server.
        StatusCode::NOT_FOUND | StatusCode::NOT_IMPLEMENTED => return Ok(ConditionalAnswer::NoEndpoint),
        _ => {}
    }
    let response = require_success(response, secrets).await?;
    let etag = response.headers().get(ETAG).and_then(|etag| etag.to_str().ok()).map(str::to_owned);
    Ok(ConditionalAnswer::Changed { etag, body: response.bytes().await?.into() })
}

fn repeat_request(request: &RequestBuilder) -> Result<RequestBuilder, IcatError> {
    request.try_clone().ok_or_else(|| IcatError::unexpected_answer("a request that cannot be repeated"))
}

/// Sends a request once and parses the answer.
pub(super) async fn send_once<T: DeserializeOwned>(request: RequestBuilder, secrets: &[&str]) -> Result<T, WriteError> {
    let body = send_for_success(request, secrets).await?.bytes().await?;
    serde_json::from_slice(&body).map_err(|_| IcatError::unexpected_answer("a body that was not asked for").into())
}

/// Sends a request once; a status other than success is an error.
pub(super) async fn send_for_success(request: RequestBuilder, secrets: &[&str]) -> Result<Response, WriteError> {
    require_success(request.send().await?, secrets).await
}

async fn require_success(response: Response, secrets: &[&str]) -> Result<Response, WriteError> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    if is_gateway_status(status)
        && let Err(e) = response.error_for_status_ref()
    {
        return Err(e.into());
    }
    let body = response.bytes().await?;
    let refused = serde_json::from_slice(&body).ok().and_then(|failure: Failure| failure.into_error(secrets));
    Err(refused.unwrap_or_else(|| IcatError::Nonsense(format!("status {status} without a reason")).into()))
}

/// The pause before a retry: 50 ms, then 200 ms, and a random time up to as much in addition.
fn retry_pauses() -> ExponentialBuilder {
    let pauses = ExponentialBuilder::default().with_min_delay(Duration::from_millis(50)).with_factor(4.0);
    pauses.with_max_times(MAX_RETRIES).with_jitter()
}
