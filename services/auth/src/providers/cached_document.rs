//! A document of an identity provider, kept while the provider is down.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::de::DeserializeOwned;
use service_kit::Clock;
use tokio::sync::Mutex;

use super::http::{ProviderFailure, ProviderHttp};

/// How long a document counts as fresh.
const MAX_FRESH_AGE: SignedDuration = SignedDuration::from_hours(1);
/// How long it is used when no newer one can be had.
const MAX_STALE_AGE: SignedDuration = SignedDuration::from_hours(24);
/// How often a document is fetched before it is an hour old, so that nobody can make us ask at each request.
const REFETCH_INTERVAL: SignedDuration = SignedDuration::from_mins(1);
/// How soon after a failure the provider is asked again.
const RETRY_INTERVAL: SignedDuration = SignedDuration::from_secs(5);

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
    last_refetch: Option<Timestamp>,
    failure: Option<ProviderFailure>,
}

impl<T: DeserializeOwned> CachedDocument<T> {
    pub fn new(http: ProviderHttp, template: &'static str, clock: Arc<dyn Clock>) -> Self {
        let cached = Cached { document: None, last_try: None, last_refetch: None, failure: None };
        Self { http, template, clock, cached: Mutex::new(cached) }
    }

    /// The document at this address, at most an hour old, or a day if it cannot be fetched.
    pub async fn get(
        &self,
        url: &str,
        check: impl Fn(&T) -> Result<(), ProviderFailure>,
    ) -> Result<Arc<T>, ProviderFailure> {
        let mut cached = self.cached.lock().await;
        // After those who waited for the same fetch.
        let now = self.clock.now();
        let age = cached.document.as_ref().map(|(_, at)| now.duration_since(*at));
        if age.is_none_or(|age| age > MAX_FRESH_AGE) && is_due(cached.last_try, RETRY_INTERVAL, now) {
            self.fetch_document(&mut cached, url, &check).await;
        }
        cached.get_usable(now)
    }

    /// The document, fetched again although it is not old: for a key that is not in it. At most once a minute.
    pub async fn refetch(
        &self,
        url: &str,
        check: impl Fn(&T) -> Result<(), ProviderFailure>,
    ) -> Result<Arc<T>, ProviderFailure> {
        let mut cached = self.cached.lock().await;
        let now = self.clock.now();
        if is_due(cached.last_refetch, REFETCH_INTERVAL, now) {
            cached.last_refetch = Some(now);
            self.fetch_document(&mut cached, url, &check).await;
        }
        cached.get_usable(now)
    }

    async fn fetch_document(
        &self,
        cached: &mut Cached<T>,
        url: &str,
        check: &impl Fn(&T) -> Result<(), ProviderFailure>,
    ) {
        let fetched = self.http.get_json::<T>(url, self.template).await;
        let now = self.clock.now();
        cached.last_try = Some(now);
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
            Some((document, at)) if now.duration_since(*at) <= MAX_STALE_AGE => Ok(Arc::clone(document)),
            _ => Err(self.failure.clone().unwrap_or_else(|| ProviderFailure::NoAnswer("not asked yet".to_owned()))),
        }
    }
}

/// Whether enough time has passed since the last time; the clock may have been set back.
fn is_due(last: Option<Timestamp>, interval: SignedDuration, now: Timestamp) -> bool {
    last.is_none_or(|at| now.duration_since(at).abs() >= interval)
}
