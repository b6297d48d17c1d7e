//! A document of an identity provider, kept while the provider is down.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::de::DeserializeOwned;
use service_kit::Clock;
use tokio::sync::Mutex;

use super::http::{ProviderFailure, ProviderHttp};

/// How long a document counts as fresh.
const FRESH: SignedDuration = SignedDuration::from_hours(1);
/// How long it is used when no newer one can be had.
const STALE: SignedDuration = SignedDuration::from_hours(24);
/// How often a document is fetched before it is an hour old, so that nobody can make us ask at each request.
const BETWEEN_FORCED: SignedDuration = SignedDuration::from_mins(1);
/// How soon after a failure the provider is asked again.
const AFTER_FAILURE: SignedDuration = SignedDuration::from_secs(5);

/// A JSON document.
pub struct CachedDocument<T> {
    http: ProviderHttp,
    /// The pattern of its address, for traces.
    template: &'static str,
    clock: Arc<dyn Clock>,
    /// Held during a fetch: those who need it too wait for the one answer.
    cached: Mutex<Cached<T>>,
}

struct Cached<T> {
    document: Option<(Arc<T>, Timestamp)>,
    last_try: Option<Timestamp>,
    last_forced: Option<Timestamp>,
    failure: Option<ProviderFailure>,
}

impl<T: DeserializeOwned> CachedDocument<T> {
    pub fn new(http: ProviderHttp, template: &'static str, clock: Arc<dyn Clock>) -> Self {
        let cached = Cached { document: None, last_try: None, last_forced: None, failure: None };
        Self { http, template, clock, cached: Mutex::new(cached) }
    }

    /// The document at this address, at most an hour old, or a day if it cannot be fetched.
    pub async fn get(
        &self,
        url: &str,
        check: impl Fn(&T) -> Result<(), ProviderFailure>,
    ) -> Result<Arc<T>, ProviderFailure> {
        let now = self.clock.now();
        let mut cached = self.cached.lock().await;
        let age = cached.document.as_ref().map(|(_, at)| now.duration_since(*at));
        if age.is_none_or(|age| age > FRESH) && is_due(cached.last_try, AFTER_FAILURE, now) {
            self.fetch(&mut cached, url, &check, now).await;
        }
        cached.get_usable(now)
    }

    /// The same, fetched again unless that was tried less than a minute ago: for a key that is not in it.
    pub async fn get_newer(
        &self,
        url: &str,
        check: impl Fn(&T) -> Result<(), ProviderFailure>,
    ) -> Result<Arc<T>, ProviderFailure> {
        let now = self.clock.now();
        let mut cached = self.cached.lock().await;
        if is_due(cached.last_forced, BETWEEN_FORCED, now) {
            cached.last_forced = Some(now);
            self.fetch(&mut cached, url, &check, now).await;
        }
        cached.get_usable(now)
    }

    async fn fetch(
        &self,
        cached: &mut Cached<T>,
        url: &str,
        check: &impl Fn(&T) -> Result<(), ProviderFailure>,
        now: Timestamp,
    ) {
        cached.last_try = Some(now);
        let fetched = self.http.get_json::<T>(url, self.template).await;
        match fetched.and_then(|document| check(&document).map(|()| document)) {
            Ok(document) => {
                cached.document = Some((Arc::new(document), now));
                cached.failure = None;
            }
            Err(e) => {
                tracing::warn!(reason = %e, document = self.template, "cannot fetch a document of an identity provider");
                cached.failure = Some(e);
            }
        }
    }
}

impl<T> Cached<T> {
    fn get_usable(&self, now: Timestamp) -> Result<Arc<T>, ProviderFailure> {
        match &self.document {
            Some((document, at)) if now.duration_since(*at) <= STALE => Ok(Arc::clone(document)),
            _ => Err(self.failure.clone().unwrap_or_else(|| ProviderFailure::NoAnswer("not asked yet".to_owned()))),
        }
    }
}

/// Whether enough time has passed since the last time; the clock may have been set back.
fn is_due(last: Option<Timestamp>, interval: SignedDuration, now: Timestamp) -> bool {
    last.is_none_or(|at| now.duration_since(at).abs() >= interval)
}
