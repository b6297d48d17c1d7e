//! How much one process takes on: time per request, requests at once, requests per second of one client.

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

/// After so many requests, clients that have been quiet are forgotten.
const REQUESTS_BETWEEN_SWEEPS: u64 = 10_000;

/// How often the log says at most that all places are taken.
const BETWEEN_WARNINGS: Duration = Duration::from_secs(10);
/// The slug of what is refused because all places are taken, here or in a pool: metrics count it, and a line for each would
/// fill the log.
pub(super) const BUSY: &str = "busy";

/// The limits of one listener.
pub(super) struct Limiter {
    time: Duration,
    /// How long a body may send nothing.
    body_timeout: Duration,
    places: Option<Arc<Semaphore>>,
    rate: Option<DefaultKeyedRateLimiter<IpAddr>>,
    seen: AtomicU64,
    /// When the log last said that all places are taken.
    warned: Mutex<Option<Instant>>,
}

impl Limiter {
    /// For users: all limits.
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

    /// For operators and other services: they must get through when users crowd.
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

    /// Refuses a client that asks too often.
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

    /// Waits for the beginning of the body; a request that sends it too slowly would keep its connection for ever.
    pub async fn begin_body(&self, req: &mut ServiceRequest) -> Result<(), Problem> {
        let begun = tokio::time::timeout(self.time, body::receive_beginning(req, self.body_timeout)).await;
        begun.unwrap_or_else(|_| Err(body::body_timeout_problem()))
    }

    /// A place among the requests that are worked on, held until the answer begins.
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

    /// Runs a handler, and answers for it if it failed because the body fell silent.
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

    /// Gives up on an answer that does not begin in time; what the handler did in a transaction is undone.
    pub async fn within_time<T>(&self, answer: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        tokio::time::timeout(self.time, answer).await.unwrap_or_else(|_| {
            let text = "the answer took too long and was given up; nothing half-done is kept";
            Err(Problem::new(Code::Unavailable, "time-out", text).with_retry_after(10).into())
        })
    }
}

/// One subscriber line has a whole IPv6 /64.
fn client_network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
    }
}
