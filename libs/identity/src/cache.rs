//! The caches: who a credential is, what was decided, and what a user may see. All forget within a minute, and a session's
//! end and changes of the catalogue at once.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::{SignedDuration, Timestamp};
use moka::sync::Cache;
use service_kit::Clock;

use crate::caller::Caller;
use crate::permissions::{Decision, Permission, VisibleInvestigations};
use crate::shared_answers::SharedAnswers;

/// Together with a second for the bus, less than the minute that is promised.
pub const TIME_TO_LIVE: SignedDuration = SignedDuration::from_secs(50);
const MAX_CALLERS: u64 = 20_000;
const MAX_DECISIONS: u64 = 200_000;
/// 200,000 ids of a catalogue take 30 to 600 kB.
const MAX_VISIBLE_INVESTIGATIONS_BYTES: u64 = 64 << 20;
const MAX_INSTRUMENTS_BYTES: u64 = 4 << 20;

/// Whose decision: a session's by its digest, a user's by name. A session's rights may be wider than what is known of
/// its user.
pub type Principal = Arc<str>;

/// Counts the changes of permissions, so that what was asked before a change is not taken for an answer after it.
#[derive(Debug, Clone, Default)]
pub struct Generation(Arc<AtomicU64>);

impl Generation {
    pub fn current(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }

    /// What was asked until now no longer counts.
    pub fn end(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[derive(Clone)]
struct Timestamped<T> {
    value: T,
    since: Timestamp,
    generation: u64,
}

pub struct Caches {
    clock: Arc<dyn Clock>,
    generation: Generation,
    callers: Cache<String, Timestamped<Caller>>,
    decisions: Cache<(Principal, Permission), Timestamped<Decision>>,
    /// By session or user.
    pub visible_investigations: SharedAnswers<VisibleInvestigations>,
    /// Names of instruments by their ids, by session or user.
    pub instruments: SharedAnswers<Arc<BTreeMap<i64, String>>>,
}

impl Caches {
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let generation = Generation::default();
        let visible_investigations = SharedAnswers::new(
            Arc::clone(&clock),
            generation.clone(),
            MAX_VISIBLE_INVESTIGATIONS_BYTES,
            VisibleInvestigations::estimate_bytes,
        );
        let name_bytes = |names: &Arc<BTreeMap<i64, String>>| names.values().map(|name| 64 + name.len()).sum();
        let instruments = SharedAnswers::new(Arc::clone(&clock), generation.clone(), MAX_INSTRUMENTS_BYTES, name_bytes);
        let (callers, decisions) = (Cache::new(MAX_CALLERS), Cache::new(MAX_DECISIONS));
        Self { clock, generation, callers, decisions, visible_investigations, instruments }
    }

    /// Taken before something is looked up, and given to what inserts it.
    pub fn generation(&self) -> u64 {
        self.generation.current()
    }

    /// `key` is the digest of the credential.
    pub fn find_caller(&self, key: &str) -> Option<Caller> {
        self.unless_expired(self.callers.get(key)?)
    }

    pub fn insert_caller(&self, key: String, caller: &Caller) {
        self.callers.insert(key, self.with_timestamp(caller.clone(), 0));
    }

    pub fn find_decision(&self, principal: &Principal, permission: Permission) -> Option<Decision> {
        let found = self.decisions.get(&(Arc::clone(principal), permission))?;
        (found.generation == self.generation.current()).then_some(())?;
        self.unless_expired(found)
    }

    /// `generation` is that of the moment before the decision was looked up.
    pub fn insert_decision(&self, principal: &Principal, permission: Permission, decision: &Decision, generation: u64) {
        self.decisions.insert((Arc::clone(principal), permission), self.with_timestamp(decision.clone(), generation));
    }

    /// Forgets everybody who came with this session, be it by its id or by a token, and what the session may see.
    pub fn remove_session(&self, session_hash: &str) {
        let theirs = self.callers.iter().filter(|(_, caller)| caller.value.session_hash() == Some(session_hash));
        for (key, _) in theirs {
            self.callers.invalidate(&*key);
        }
        self.visible_investigations.remove(session_hash);
        self.instruments.remove(session_hash);
    }

    pub fn clear(&self) {
        self.callers.invalidate_all();
        self.clear_permissions();
    }

    /// Forgets what was decided and who may see what, but not who the callers are.
    pub fn clear_permissions(&self) {
        self.generation.end();
        self.decisions.invalidate_all();
        self.visible_investigations.clear();
        self.instruments.clear();
    }

    fn with_timestamp<T>(&self, value: T, generation: u64) -> Timestamped<T> {
        Timestamped { value, since: self.clock.now(), generation }
    }

    fn unless_expired<T>(&self, aged: Timestamped<T>) -> Option<T> {
        (self.clock.now().duration_since(aged.since) < TIME_TO_LIVE).then_some(aged.value)
    }
}
