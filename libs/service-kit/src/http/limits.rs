//! How much one process takes on: time per request, requests at once, requests per second of one client.

use std::future::Future;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use actix_web::Error;
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::address::ClientAddress;
use crate::config::Limits;
use crate::problem::{Code, Problem};

/// After so many requests, clients that have been quiet are forgotten.
const REQUESTS_BETWEEN_SWEEPS: u64 = 10_000;

/// The limits of one listener.
pub(super) struct Limiter {
    time: Duration,
    places: Option<Arc<Semaphore>>,
    rate: Option<DefaultKeyedRateLimiter<IpAddr>>,
    seen: AtomicU64,
}

impl Limiter {
    /// For users: all limits.
    pub fn public(limits: &Limits) -> Self {
        let quota = NonZeroU32::new(limits.rate)
            .map(|rate| Quota::per_second(rate).allow_burst(NonZeroU32::new(limits.burst).unwrap_or(rate)));
        Self {
            time: limits.time,
            places: Some(Arc::new(Semaphore::new(limits.concurrency))),
            rate: quota.map(RateLimiter::keyed),
            seen: AtomicU64::new(0),
        }
    }

    /// For operators and other services: they must get through when users crowd.
    pub fn internal(limits: &Limits) -> Self {
        Self { time: limits.time, places: None, rate: None, seen: AtomicU64::new(0) }
    }

    /// A place among the requests that are worked on, held until the answer begins.
    pub fn admit(&self, client: ClientAddress) -> Result<Option<OwnedSemaphorePermit>, Problem> {
        if let Some(rate) = &self.rate {
            if self.seen.fetch_add(1, Ordering::Relaxed).is_multiple_of(REQUESTS_BETWEEN_SWEEPS) {
                rate.retain_recent();
            }
            if rate.check_key(&network(client.0)).is_err() {
                let text = "too many requests from your address; slow down";
                return Err(Problem::new(Code::TooManyRequests, "too-many-requests", text).with_retry_after(1));
            }
        }
        let Some(places) = &self.places else { return Ok(None) };
        Arc::clone(places).try_acquire_owned().map(Some).map_err(|_| {
            Problem::new(Code::Unavailable, "busy", "too many requests at once; try again").with_retry_after(1)
        })
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
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
    }
}
