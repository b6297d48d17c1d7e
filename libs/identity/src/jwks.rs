//! The public keys of tokens: fetched when needed, kept while their server is down.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::DecodingKey;
use service_kit::{Clock, Code, HttpClient, Peer, Problem, read_limited_body};
use tokio::sync::Mutex;

use crate::key_set::{KeySet, cache_lifetime};

/// How long a set is used when no newer one can be had.
const STALE: SignedDuration = SignedDuration::from_hours(24);
/// How often an unknown key may cause a fetch, so that nobody can make us knock at every request.
const BETWEEN_FETCHES: SignedDuration = SignedDuration::from_mins(1);
/// The same while there are no keys at all, and every token is answered 503.
const BETWEEN_FIRST_FETCHES: SignedDuration = SignedDuration::from_secs(5);
const TIMEOUT: Duration = Duration::from_secs(5);
const MAX_RESPONSE_BYTES: usize = 1 << 20;

pub struct PublicKeys {
    http: HttpClient,
    url: String,
    clock: Arc<dyn Clock>,
    known: RwLock<Option<Arc<KnownKeys>>>,
    /// When the last fetch began. Held during a fetch: those who cannot go on without it wait for the one answer.
    last_fetch: Mutex<Option<Timestamp>>,
}

struct KnownKeys {
    set: KeySet,
    fetched_at: Timestamp,
    /// How long they count as fresh.
    lifetime: SignedDuration,
}

impl KnownKeys {
    fn is_younger_than(&self, age: SignedDuration, now: Timestamp) -> bool {
        now.duration_since(self.fetched_at) <= age
    }
}

impl PublicKeys {
    pub fn new(http: HttpClient, url: String, clock: Arc<dyn Clock>) -> Self {
        Self { http, url, clock, known: RwLock::default(), last_fetch: Mutex::default() }
    }

    /// The key of this id. `None` if there is none; unavailable if nobody can tell.
    pub async fn find_key(&self, kid: &str) -> Result<Option<Arc<DecodingKey>>, Problem> {
        let now = self.clock.now();
        if let Some(key) = self.find_fresh_key(kid, now) {
            return Ok(Some(key));
        }
        let usable = self.usable_keys(now).and_then(|known| known.set.find_key(kid));
        let mut last_fetch = match usable {
            // Whoever has a key does not wait for a fetch that somebody else began.
            Some(key) => match self.last_fetch.try_lock() {
                Ok(last_fetch) => last_fetch,
                Err(_) => return Ok(Some(key)),
            },
            None => self.last_fetch.lock().await,
        };
        // Somebody else may have fetched them meanwhile.
        if let Some(key) = self.find_fresh_key(kid, now) {
            return Ok(Some(key));
        }
        let pause = if self.usable_keys(now).is_some() { BETWEEN_FETCHES } else { BETWEEN_FIRST_FETCHES };
        if last_fetch.is_none_or(|began| now.duration_since(began) >= pause) {
            *last_fetch = Some(now);
            self.fetch_keys(now).await;
        }
        drop(last_fetch);
        match self.usable_keys(now) {
            Some(known) => Ok(known.set.find_key(kid)),
            None => {
                Err(Problem::new(Code::Unavailable, "identity/no-keys", "tokens cannot be verified now; try again")
                    .with_retry_after(10))
            }
        }
    }

    fn find_fresh_key(&self, kid: &str, now: Timestamp) -> Option<Arc<DecodingKey>> {
        let known = self.known_keys().filter(|known| known.is_younger_than(known.lifetime, now))?;
        known.set.find_key(kid)
    }

    fn usable_keys(&self, now: Timestamp) -> Option<Arc<KnownKeys>> {
        self.known_keys().filter(|known| known.is_younger_than(STALE, now))
    }

    fn known_keys(&self) -> Option<Arc<KnownKeys>> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn fetch_keys(&self, now: Timestamp) {
        match self.fetch_key_set().await {
            Ok((set, lifetime)) => {
                let known = Arc::new(KnownKeys { set, fetched_at: now, lifetime });
                *self.known.write().unwrap_or_else(PoisonError::into_inner) = Some(known);
            }
            Err(reason) => tracing::warn!(reason, "the keys of tokens cannot be fetched; known ones go on"),
        }
    }

    async fn fetch_key_set(&self) -> Result<(KeySet, SignedDuration), String> {
        let request = self.http.get(&self.url).timeout(TIMEOUT);
        let request = request.with_extension(Peer { service: "auth", template: "/.well-known/jwks.json" });
        let answer = request.send().await.map_err(|e| e.to_string())?;
        if !answer.status().is_success() {
            return Err(format!("status {}", answer.status()));
        }
        let lifetime = cache_lifetime(answer.headers());
        let body = read_limited_body(answer, MAX_RESPONSE_BYTES).await.map_err(|e| e.to_string())?;
        let set = KeySet::parse_json(&body).ok_or_else(|| "the answer is no key set".to_owned())?;
        Ok((set, lifetime))
    }
}
