//! The caches: who a credential is, what was decided, and what a user may see. All forget within a minute, and a session's
//! end and changes of the catalogue at once.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use moka::sync::Cache;
use service_kit::Clock;

use crate::caller::Caller;
use crate::permissions::{Decision, Permission, VisibleInvestigations};

/// Together with a second for the bus, less than the minute that is promised.
const TIME_TO_LIVE: SignedDuration = SignedDuration::from_secs(50);
const MAX_CALLERS: u64 = 20_000;
const MAX_DECISIONS: u64 = 200_000;
/// Each holds thousands of ids.
const MAX_VISIBLE_INVESTIGATIONS: u64 = 500;

/// Whose decision: a session's by its digest, a user's by name. A session's rights may be wider than what is known of
/// its user.
pub type Principal = Arc<str>;

#[derive(Clone)]
struct Timestamped<T> {
    value: T,
    since: Timestamp,
}

pub struct Caches {
    clock: Arc<dyn Clock>,
    callers: Cache<String, Timestamped<Caller>>,
    decisions: Cache<(Principal, Permission), Timestamped<Decision>>,
    views: Cache<String, Timestamped<Arc<VisibleInvestigations>>>,
}

impl Caches {
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let (callers, decisions) = (Cache::new(MAX_CALLERS), Cache::new(MAX_DECISIONS));
        Self { clock, callers, decisions, views: Cache::new(MAX_VISIBLE_INVESTIGATIONS) }
    }

    /// `key` is the digest of the credential.
    pub fn find_caller(&self, key: &str) -> Option<Caller> {
        self.unless_expired(self.callers.get(key)?)
    }

    pub fn insert_caller(&self, key: String, caller: &Caller) {
        self.callers.insert(key, self.with_timestamp(caller.clone()));
    }

    pub fn find_decision(&self, principal: &Principal, permission: Permission) -> Option<Decision> {
        self.unless_expired(self.decisions.get(&(Arc::clone(principal), permission))?)
    }

    pub fn insert_decision(&self, principal: &Principal, permission: Permission, decision: &Decision) {
        self.decisions.insert((Arc::clone(principal), permission), self.with_timestamp(decision.clone()));
    }

    /// By user name.
    pub fn find_visible_investigations(&self, user: &str) -> Option<Arc<VisibleInvestigations>> {
        self.unless_expired(self.views.get(user)?)
    }

    pub fn insert_visible_investigations(&self, user: String, visible: &Arc<VisibleInvestigations>) {
        self.views.insert(user, self.with_timestamp(Arc::clone(visible)));
    }

    /// Forgets everybody who came with this session, be it by its id or by a token.
    pub fn remove_session(&self, session_hash: &str) {
        let theirs = self.callers.iter().filter(|(_, caller)| caller.value.session_hash() == Some(session_hash));
        for (key, _) in theirs {
            self.callers.invalidate(&*key);
        }
    }

    pub fn clear(&self) {
        self.callers.invalidate_all();
        self.clear_permissions();
    }

    /// Forgets what was decided, but not who the callers are.
    pub fn clear_permissions(&self) {
        self.decisions.invalidate_all();
        self.views.invalidate_all();
    }

    fn with_timestamp<T>(&self, value: T) -> Timestamped<T> {
        Timestamped { value, since: self.clock.now() }
    }

    fn unless_expired<T>(&self, aged: Timestamped<T>) -> Option<T> {
        (self.clock.now().duration_since(aged.since) < TIME_TO_LIVE).then_some(aged.value)
    }
}
