//! What is known of the API keys that auth stores, by their digests.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use moka::sync::Cache;
use service_kit::Clock;

use crate::api_keys::{ApiKey, ApiKeyRefusal};
use crate::cache::Generation;

/// Auth is asked again about a key after this time.
const FRESH: SignedDuration = SignedDuration::from_secs(30);
/// While auth does not answer, a key is accepted for this time more.
const ACCEPTED_DURING_OUTAGE: SignedDuration = SignedDuration::from_mins(10);
/// While auth does not answer, it is asked about a known key at most this often: each question may take seconds.
const RETRY_PAUSE: SignedDuration = SignedDuration::from_secs(5);
/// A refused key is remembered for this time.
const REFUSED: SignedDuration = SignedDuration::from_secs(10);
const MAX_KEYS: u64 = 20_000;
const MAX_REFUSED_KEYS: u64 = 20_000;

#[derive(Clone)]
struct KnownKey {
    key: Arc<ApiKey>,
    confirmed_at: Timestamp,
    /// When auth was asked in vain since then.
    asked_at: Option<Timestamp>,
}

/// The keys that auth has confirmed, and those that it has refused.
pub struct ApiKeyCache {
    clock: Arc<dyn Clock>,
    /// Ends with each revocation.
    revocations: Generation,
    known: Cache<String, KnownKey>,
    refused: Cache<String, (ApiKeyRefusal, Timestamp)>,
}

impl ApiKeyCache {
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let (known, refused) = (Cache::new(MAX_KEYS), Cache::new(MAX_REFUSED_KEYS));
        Self { clock, revocations: Generation::default(), known, refused }
    }

    /// What is known without asking auth; `None` if it has to be asked.
    pub fn find_answer(&self, key_hash: &str) -> Option<Result<Arc<ApiKey>, ApiKeyRefusal>> {
        let now = self.clock.now();
        if let Some(known) = self.known.get(key_hash) {
            let is_within = |since: Timestamp, time: SignedDuration| now.duration_since(since) < time;
            if known.key.is_expired(now) {
                return Some(Err(ApiKeyRefusal::Expired));
            }
            let is_fresh = is_within(known.confirmed_at, FRESH)
                || known.asked_at.is_some_and(|asked_at| is_within(asked_at, RETRY_PAUSE))
                    && is_within(known.confirmed_at, FRESH + ACCEPTED_DURING_OUTAGE);
            return is_fresh.then_some(Ok(known.key));
        }
        let (refusal, since) = self.refused.get(key_hash)?;
        (now.duration_since(since) < REFUSED).then_some(Err(refusal))
    }

    /// Taken before auth is asked, and given to [`Self::insert_key`].
    pub fn count_revocations(&self) -> u64 {
        self.revocations.current()
    }

    /// Remembers a key that auth has confirmed, unless a key was revoked since `revocations`: it may have been this one.
    pub fn insert_key(&self, key_hash: &str, key: &Arc<ApiKey>, revocations: u64) {
        let known = KnownKey { key: Arc::clone(key), confirmed_at: self.clock.now(), asked_at: None };
        self.refused.invalidate(key_hash);
        self.insert_known(key_hash, known, revocations);
    }

    pub fn insert_refusal(&self, key_hash: &str, refusal: ApiKeyRefusal) {
        self.known.invalidate(key_hash);
        self.refused.insert(key_hash.to_owned(), (refusal, self.clock.now()));
    }

    /// A key that was known before auth stopped to answer; `None` if that is too long ago.
    pub fn find_key_during_outage(&self, key_hash: &str) -> Option<Arc<ApiKey>> {
        let (now, revocations) = (self.clock.now(), self.revocations.current());
        let known = self.known.get(key_hash)?;
        let is_accepted = now.duration_since(known.confirmed_at) < FRESH + ACCEPTED_DURING_OUTAGE;
        if !is_accepted || known.key.is_expired(now) {
            return None;
        }
        let key = Arc::clone(&known.key);
        self.insert_known(key_hash, KnownKey { asked_at: Some(now), ..known }, revocations);
        Some(key)
    }

    fn insert_known(&self, key_hash: &str, known: KnownKey, revocations: u64) {
        self.known.insert(key_hash.to_owned(), known);
        if revocations != self.revocations.current() {
            self.known.invalidate(key_hash);
        }
    }

    /// Forgets a key that was revoked.
    pub fn remove_key(&self, key_hash: &str) {
        self.revocations.end();
        self.known.invalidate(key_hash);
    }

    /// Forgets the keys that act for a user, whose account may be closed.
    pub fn remove_keys_of_user(&self, user_name: &str) {
        self.revocations.end();
        let theirs = self.known.iter().filter(|(_, known)| known.key.user == user_name);
        for (key_hash, _) in theirs {
            self.known.invalidate(&*key_hash);
        }
    }

    pub fn clear(&self) {
        self.revocations.end();
        self.known.invalidate_all();
        self.refused.invalidate_all();
    }
}

#[cfg(test)]
mod tests {
    use service_kit::Micros;
    use testkit::ManualClock;

    use super::*;

    fn cache_and_key() -> (ApiKeyCache, Arc<ApiKey>) {
        let key = ApiKey {
            name: "id29".to_owned(),
            user: "simple/id29".to_owned(),
            scopes: vec!["read".to_owned()],
            instruments: Vec::new(),
            expires: "2026-01-01T00:00:00Z".parse().unwrap(),
        };
        (ApiKeyCache::new(ManualClock::starting_at(Micros::default())), Arc::new(key))
    }

    #[test]
    fn a_key_is_not_remembered_that_was_revoked_while_auth_was_asked() {
        let (cache, key) = cache_and_key();
        let before = cache.count_revocations();
        cache.insert_key("hash", &key, before);
        assert!(cache.find_answer("hash").is_some());
        cache.remove_key("another");
        assert!(cache.find_answer("hash").is_some(), "what is known stays known");
        cache.remove_key("hash");
        cache.insert_key("hash", &key, before);
        assert!(cache.find_answer("hash").is_none(), "auth was asked before the revocation");
        assert!(cache.find_key_during_outage("hash").is_none(), "nor does it help that auth does not answer");
    }

    #[test]
    fn missed_events_and_a_changed_account_remove_its_keys() {
        let (cache, key) = cache_and_key();
        let forget: [fn(&ApiKeyCache); 2] = [ApiKeyCache::clear, |cache| cache.remove_keys_of_user("simple/id29")];
        for forget in forget {
            cache.insert_key("hash", &key, cache.count_revocations());
            cache.remove_keys_of_user("simple/other");
            assert!(cache.find_answer("hash").is_some());
            forget(&cache);
            assert!(cache.find_answer("hash").is_none());
        }
    }
}
