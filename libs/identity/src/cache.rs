//! The caches: who a credential is, what was decided, and what a user may see. All forget within a minute, and a session's end at once.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use moka::sync::Cache;
use service_kit::Clock;

use crate::caller::Caller;
use crate::permissions::{Ask, Decision, Visible};

/// Together with a second for the bus, less than the minute that is promised.
const KEPT: SignedDuration = SignedDuration::from_secs(50);
const MOST_CALLERS: u64 = 20_000;
const MOST_DECISIONS: u64 = 200_000;
/// Each holds thousands of ids.
const MOST_VIEWS: u64 = 500;

/// Whose decision: a session's by its digest, a user's by name. A session's rights may be wider than what is known of
/// its user.
pub type Principal = Arc<str>;

#[derive(Clone)]
struct Aged<T> {
    value: T,
    since: Timestamp,
}

pub struct Caches {
    clock: Arc<dyn Clock>,
    callers: Cache<String, Aged<Caller>>,
    decisions: Cache<(Principal, Ask), Aged<Decision>>,
    views: Cache<String, Aged<Arc<Visible>>>,
}

impl Caches {
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let (callers, decisions) = (Cache::new(MOST_CALLERS), Cache::new(MOST_DECISIONS));
        Self { clock, callers, decisions, views: Cache::new(MOST_VIEWS) }
    }

    /// `key` is the digest of the credential.
    pub fn caller(&self, key: &str) -> Option<Caller> {
        self.young(self.callers.get(key)?)
    }

    pub fn remember_caller(&self, key: String, caller: &Caller) {
        self.callers.insert(key, self.aged(caller.clone()));
    }

    pub fn decision(&self, principal: &Principal, ask: Ask) -> Option<Decision> {
        self.young(self.decisions.get(&(Arc::clone(principal), ask))?)
    }

    pub fn remember_decision(&self, principal: &Principal, ask: Ask, decision: &Decision) {
        self.decisions.insert((Arc::clone(principal), ask), self.aged(decision.clone()));
    }

    /// By user name.
    pub fn visible(&self, user: &str) -> Option<Arc<Visible>> {
        self.young(self.views.get(user)?)
    }

    pub fn remember_visible(&self, user: String, visible: &Arc<Visible>) {
        self.views.insert(user, self.aged(Arc::clone(visible)));
    }

    /// Forgets everybody who came with this session, be it by its id or by a token.
    pub fn forget_session(&self, session_hash: &str) {
        let theirs = self.callers.iter().filter(|(_, caller)| caller.value.session_hash() == Some(session_hash));
        for (key, _) in theirs {
            self.callers.invalidate(&*key);
        }
    }

    pub fn forget_all(&self) {
        self.callers.invalidate_all();
        self.decisions.invalidate_all();
        self.views.invalidate_all();
    }

    fn aged<T>(&self, value: T) -> Aged<T> {
        Aged { value, since: self.clock.now() }
    }

    fn young<T>(&self, aged: Aged<T>) -> Option<T> {
        (self.clock.now().duration_since(aged.since) < KEPT).then_some(aged.value)
    }
}
