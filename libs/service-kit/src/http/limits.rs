//! Limits of a listener: time per request, concurrent requests, requests per second of one client.

use std::future::Future;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use actix_web::Error;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::address::ClientAddress;
use super::body;
use crate::config::HttpConfig;
use crate::problem::{Code, Problem};

/// Requests between two removals of inactive clients.
const REQUESTS_BETWEEN_SWEEPS: u64 = 10_000;

/// The log says at most this often that all places are taken.
const BETWEEN_WARNINGS: Duration = Duration::from_secs(10);
/// The slug of what is refused because all places are taken, here or in a pool: metrics count it, and a line for each would
/// fill the log.
pub(super) const BUSY: &str = "busy";

/// The limits of one listener.
pub(super) struct Limiter {
    time: Duration,
    /// How long a body may pause.
    body_timeout: Duration,
    places: Option<Arc<Semaphore>>,
    rate: Option<DefaultKeyedRateLimiter<IpAddr>>,
    seen: AtomicU64,
    /// When the log last said that all places are taken.
    warned: Mutex<Option<Instant>>,
}

impl Limiter {
    /// Of the public listener: all limits.
    pub fn for_public(config: &HttpConfig) -> Self {
        let limits = &config.limits;
        let quota = NonZeroU32::new(limits.rate)
            .map(|rate| Quota::per_second(rate).allow_burst(NonZeroU32::new(limits.burst).unwrap_or(rate)));
        Self {
            places: Some(Arc::new(Semaphore::new(limits.concurrency))),
            rate: quota.map(RateLimiter::keyed),
            ..Self::for_internal(config)
        }
    }

    /// Of the internal listener: operators and other services must get through when it is busy.
    pub fn for_internal(config: &HttpConfig) -> Self {
        Self {
            time: config.limits.time,
            body_timeout: config.body_timeout,
            places: None,
            rate: None,
            seen: AtomicU64::new(0),
            warned: Mutex::new(None),
        }
    }

    /// Refuses a client that sends too many requests.
    pub fn check_rate(&self, client: ClientAddress) -> Result<(), Problem> {
        if let Some(rate) = &self.rate {
            if self.seen.fetch_add(1, Ordering::Relaxed).is_multiple_of(REQUESTS_BETWEEN_SWEEPS) {
                rate.retain_recent();
            }
            if rate.check_key(&client_network(client.0)).is_err() {
                let text = "too many requests from your address; slow down";
                return Err(Problem::new(Code::TooManyRequests, "too-many-requests", text).with_retry_after(1));
            }
        }
        Ok(())
    }

    /// Receives the beginning of the body; a client that sends it too slowly would keep its connection for ever.
    pub async fn begin_body(&self, req: &mut ServiceRequest) -> Result<(), Problem> {
        let begun = tokio::time::timeout(self.time, body::receive_beginning(req, self.body_timeout)).await;
        begun.unwrap_or_else(|_| Err(body::body_timeout_problem()))
    }

    /// A place among the concurrent requests, held until the response begins.
    pub fn acquire_place(&self) -> Result<Option<OwnedSemaphorePermit>, Problem> {
        let Some(places) = &self.places else { return Ok(None) };
        Arc::clone(places).try_acquire_owned().map(Some).map_err(|_| {
            self.warn_now_and_then();
            Problem::new(Code::Unavailable, BUSY, "too many requests at once; try again").with_retry_after(1)
        })
    }

    fn warn_now_and_then(&self) {
        let mut warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
        if warned.is_none_or(|warned| warned.elapsed() >= BETWEEN_WARNINGS) {
            *warned = Some(Instant::now());
            tracing::warn!("more requests at once than http.limits.concurrency; some are refused");
        }
    }

    /// Runs a handler; if it fails because the body timed out, the response says so.
    pub async fn within_body_timeout<B>(
        &self,
        mut req: ServiceRequest,
        answer: impl AsyncFnOnce(ServiceRequest) -> Result<ServiceResponse<B>, Error>,
    ) -> Result<ServiceResponse<B>, Error> {
        let body_timeout = body::limit_pauses(&mut req, self.body_timeout);
        let answer = answer(req).await;
        let failed = !answer.as_ref().is_ok_and(|response| response.status().is_success());
        if failed && body_timeout.has_passed() { Err(body::body_timeout_problem().into()) } else { answer }
    }

    /// Fails if the response does not begin in time; the transaction of the handler is rolled back.
    pub async fn within_time<T>(&self, answer: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        tokio::time::timeout(self.time, answer).await.unwrap_or_else(|_| {
            let text = "the answer took too long and was given up; nothing half-done is kept";
            Err(Problem::new(Code::Unavailable, "time-out", text).with_retry_after(10).into())
        })
    }
}

/// The network of a client: an IPv6 /64 counts as one.
fn client_network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
    }
}
