//! The caches of permissions: what was decided, and what a user may see. All forget within a minute, and a session's end and
//! changes of the catalogue at once.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::{SignedDuration, Timestamp};
use moka::sync::Cache;
use service_kit::Clock;

use crate::permissions::{Decision, KnownRows, Permission, VisibleInvestigations};
use crate::shared_answers::SharedAnswers;

/// Together with a second for the bus, less than the minute that is promised.
pub const TIME_TO_LIVE: SignedDuration = SignedDuration::from_secs(50);
const MAX_DECISIONS: u64 = 200_000;
/// 200,000 ids of a catalogue take 30 to 600 kB.
const MAX_VISIBLE_INVESTIGATIONS_BYTES: u64 = 64 << 20;
const MAX_READABLE_ROWS_BYTES: u64 = 64 << 20;
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
    decisions: Cache<(Principal, Permission), Timestamped<Decision>>,
    /// By session or user.
    pub visible_investigations: SharedAnswers<VisibleInvestigations>,
    /// By session and entity. Each is compared with the catalogue whenever it is used.
    pub readable_rows: Cache<(Principal, &'static str), KnownRows>,
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
        let weigh_rows = |_: &(Principal, &'static str), known: &KnownRows| {
            u32::try_from(512 + known.estimate_bytes()).unwrap_or(u32::MAX)
        };
        let readable_rows = Cache::builder().max_capacity(MAX_READABLE_ROWS_BYTES).weigher(weigh_rows).build();
        let decisions = Cache::new(MAX_DECISIONS);
        Self { clock, generation, decisions, visible_investigations, readable_rows, instruments }
    }

    /// Taken before something is looked up, and given to what inserts it.
    pub fn generation(&self) -> u64 {
        self.generation.current()
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

    /// Forgets what the session may see.
    pub fn remove_session(&self, session_hash: &str) {
        self.visible_investigations.remove(session_hash);
        self.instruments.remove(session_hash);
    }

    /// Forgets what was decided and who may see what.
    pub fn clear(&self) {
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

#[cfg(test)]
mod tests {
    use service_kit::Micros;
    use testkit::ManualClock;

    use super::*;

    fn caches() -> Caches {
        Caches::new(ManualClock::starting_at(Micros::default()))
    }

    #[test]
    fn a_decision_does_not_count_that_was_looked_up_before_a_change() {
        let caches = caches();
        let (principal, permission) = (Principal::from("user db/ada"), Permission::ReadInvestigation(7));
        let decision = Decision::allow("member");
        let before = caches.generation();
        caches.insert_decision(&principal, permission, &decision, before);
        assert_eq!(caches.find_decision(&principal, permission), Some(decision.clone()));
        caches.clear();
        caches.insert_decision(&principal, permission, &decision, before);
        assert_eq!(caches.find_decision(&principal, permission), None);
        caches.insert_decision(&principal, permission, &decision, caches.generation());
        assert_eq!(caches.find_decision(&principal, permission), Some(decision));
    }
}
