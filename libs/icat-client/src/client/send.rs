//! One request and its answer. Calls that only read are tried again after a short random pause when they did not reach
//! ICAT; nothing else is, because a write or a login whose answer was lost may have been done.

use std::time::Duration;

use backon::{ExponentialBuilder, Retryable as _};
use reqwest::Response;
use reqwest_middleware::RequestBuilder;
use serde::de::DeserializeOwned;

use super::error::{Failure, IcatError, WriteError, is_gateway_status};

/// How often a reading call is tried again.
const MAX_RETRIES: usize = 2;

/// Sends a call that only reads; `secrets` must not come back in an error.
pub(super) async fn send_read<T: DeserializeOwned>(request: RequestBuilder, secrets: &[&str]) -> Result<T, IcatError> {
    let attempt = || async {
        let request =
            request.try_clone().ok_or_else(|| IcatError::unexpected_answer("a request that cannot be repeated"))?;
        Ok::<T, IcatError>(send_once(request, secrets).await?)
    };
    attempt.retry(retry_pauses()).sleep(tokio::time::sleep).when(IcatError::is_retryable).await
}

/// Sends a call a single time and reads its answer.
pub(super) async fn send_once<T: DeserializeOwned>(request: RequestBuilder, secrets: &[&str]) -> Result<T, WriteError> {
    let body = send_for_success(request, secrets).await?.bytes().await?;
    serde_json::from_slice(&body).map_err(|_| IcatError::unexpected_answer("a body that was not asked for").into())
}

/// Sends a call a single time; a status other than success is an error.
pub(super) async fn send_for_success(request: RequestBuilder, secrets: &[&str]) -> Result<Response, WriteError> {
    let response = request.send().await?;
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

/// 50 ms, then 200 ms, and at random up to twice as much.
fn retry_pauses() -> ExponentialBuilder {
    let pauses = ExponentialBuilder::default().with_min_delay(Duration::from_millis(50)).with_factor(4.0);
    pauses.with_max_times(MAX_RETRIES).with_jitter()
}
