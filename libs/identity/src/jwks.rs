//! The public keys of tokens: fetched when needed, kept while their server is down.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::jwk::{Jwk, JwkSet};
use service_kit::{Clock, Code, HttpClient, Peer, Problem};
use tokio::sync::Mutex;

/// How long a set counts as fresh.
const FRESH: SignedDuration = SignedDuration::from_mins(5);
/// How long it is used when no newer one can be had.
const STALE: SignedDuration = SignedDuration::from_hours(24);
/// How often an unknown key may cause a fetch, so that nobody can make us knock at every request.
const BETWEEN_FETCHES: SignedDuration = SignedDuration::from_mins(1);
const TIMEOUT: Duration = Duration::from_secs(5);
const MAX_RESPONSE_BYTES: usize = 1 << 20;

pub struct PublicKeys {
    http: HttpClient,
    url: String,
    clock: Arc<dyn Clock>,
    /// Held during a fetch: those who need it too wait for the one answer.
    cached: Mutex<Cached>,
}

#[derive(Default)]
struct Cached {
    set: Option<(JwkSet, Timestamp)>,
    last_try: Option<Timestamp>,
}

impl PublicKeys {
    pub fn new(http: HttpClient, url: String, clock: Arc<dyn Clock>) -> Self {
        Self { http, url, clock, cached: Mutex::default() }
    }

    /// The key of this id. `None` if there is none; unavailable if nobody can tell.
    pub async fn find_key(&self, kid: &str) -> Result<Option<Jwk>, Problem> {
        let now = self.clock.now();
        let mut cached = self.cached.lock().await;
        let age = cached.set.as_ref().map(|(_, at)| now.duration_since(*at));
        let known = cached.set.as_ref().and_then(|(set, _)| set.find(kid)).is_some();
        let may_ask = cached.last_try.is_none_or(|at| now.duration_since(at) >= BETWEEN_FETCHES);
        let wanted = !known || age.is_none_or(|age| age > FRESH);
        if wanted && may_ask {
            cached.last_try = Some(now);
            match self.fetch_key_set().await {
                Ok(set) => cached.set = Some((set, now)),
                Err(reason) => tracing::warn!(reason, "the keys of tokens cannot be fetched; known ones go on"),
            }
        }
        match &cached.set {
            Some((set, at)) if now.duration_since(*at) <= STALE => Ok(set.find(kid).cloned()),
            _ => Err(Problem::new(Code::Unavailable, "identity/no-keys", "tokens cannot be verified now; try again")
                .with_retry_after(10)),
        }
    }

    async fn fetch_key_set(&self) -> Result<JwkSet, String> {
        let request = self.http.get(&self.url).timeout(TIMEOUT);
        let request = request.with_extension(Peer { service: "auth", template: "/.well-known/jwks.json" });
        let answer = request.send().await.map_err(|e| e.to_string())?;
        if !answer.status().is_success() {
            return Err(format!("status {}", answer.status()));
        }
        let body = answer.bytes().await.map_err(|e| e.without_url().to_string())?;
        if body.len() > MAX_RESPONSE_BYTES {
            return Err("the answer is too large".to_owned());
        }
        serde_json::from_slice(&body).map_err(|_| "the answer is no key set".to_owned())
    }
}
