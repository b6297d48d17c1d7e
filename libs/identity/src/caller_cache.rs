//! Who a credential is: forgotten within a minute, and at once when its session ends.

use std::sync::Arc;

use jiff::Timestamp;
use moka::sync::Cache;
use service_kit::Clock;

use crate::cache::{Generation, TIME_TO_LIVE};
use crate::caller::Caller;

const MAX_CALLERS: u64 = 20_000;

/// Callers by the digests of their credentials.
pub struct CallerCache {
    clock: Arc<dyn Clock>,
    /// Ends with each session.
    sessions: Generation,
    callers: Cache<String, (Caller, Timestamp)>,
}

impl CallerCache {
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, sessions: Generation::default(), callers: Cache::new(MAX_CALLERS) }
    }

    /// `key` is the digest of the credential.
    pub fn find_caller(&self, key: &str) -> Option<Caller> {
        let (caller, since) = self.callers.get(key)?;
        (self.clock.now().duration_since(since) < TIME_TO_LIVE).then_some(caller)
    }

    /// Taken before somebody is asked about a session, and given to [`Self::insert_caller`].
    pub fn ended_sessions(&self) -> u64 {
        self.sessions.current()
    }

    /// Forgets the caller again if a session has ended since `ended_sessions`: it may have been this one.
    pub fn insert_caller(&self, key: &str, caller: &Caller, ended_sessions: u64) {
        self.callers.insert(key.to_owned(), (caller.clone(), self.clock.now()));
        if ended_sessions != self.sessions.current() {
            self.callers.invalidate(key);
        }
    }

    /// Forgets everybody who came with this session, be it by its id or by a token.
    pub fn remove_session(&self, session_hash: &str) {
        self.sessions.end();
        let theirs = self.callers.iter().filter(|(_, (caller, _))| caller.session_hash() == Some(session_hash));
        for (key, _) in theirs {
            self.callers.invalidate(&*key);
        }
    }

    pub fn clear(&self) {
        self.sessions.end();
        self.callers.invalidate_all();
    }
}

#[cfg(test)]
mod tests {
    use service_kit::{Micros, Secret, sha256_hex};
    use testkit::ManualClock;

    use super::*;
    use crate::caller::UserLogin;
    use crate::login_level::LoginLevel;
    use crate::required_levels::RequiredLevels;

    #[test]
    fn a_caller_is_not_remembered_whose_session_ended_while_it_was_looked_up() {
        let callers = CallerCache::new(ManualClock::starting_at(Micros::default()));
        let login = UserLogin::new(LoginLevel::default(), &RequiredLevels::none(callers.clock.clone()));
        let caller = Caller::from_session("db/ada".to_owned(), Secret::new("session"), login);
        let before = callers.ended_sessions();
        callers.insert_caller("key", &caller, before);
        assert!(callers.find_caller("key").is_some());
        callers.remove_session(&sha256_hex("another session"));
        assert!(callers.find_caller("key").is_some(), "who is known stays known");
        callers.remove_session(&sha256_hex("session"));
        assert!(callers.find_caller("key").is_none());
        callers.insert_caller("key", &caller, before);
        assert!(callers.find_caller("key").is_none(), "it was asked about before the session ended");
        callers.insert_caller("key", &caller, callers.ended_sessions());
        assert!(callers.find_caller("key").is_some());
    }
}
