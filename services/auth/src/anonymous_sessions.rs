//! One ICAT session for many anonymous logins: robots and every visit of a page log in without saying who they are, and a session for
//! each of them would fill ICAT's table of sessions. Nobody learns the id of the shared session, because nobody may end it.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use service_kit::{Clock, Ctx};

use crate::config::Config;
use crate::domain::icat_session::IcatSession;
use crate::domain::login::ANONYMOUS_USER_NAME;

/// Keeps the session that new anonymous logins of this process get. Cheap to clone.
#[derive(Clone)]
pub struct AnonymousSessions {
    clock: Arc<dyn Clock>,
    /// False if clients get ICAT session ids.
    are_shared: bool,
    current: Arc<Mutex<Option<SharedSession>>>,
}

#[derive(Clone)]
struct SharedSession {
    id: String,
    /// Later logins get another one, so that they have time.
    used_until: Timestamp,
}

impl AnonymousSessions {
    pub fn new(ctx: &Ctx, config: &Config) -> Self {
        Self { clock: Arc::clone(&ctx.clock), are_shared: !config.expose_icat_session, current: Arc::default() }
    }

    /// Whether the session of this user belongs to other logins as well, and must go on when one of them ends.
    pub fn is_shared(&self, user_name: &str) -> bool {
        self.are_shared && user_name == ANONYMOUS_USER_NAME
    }

    /// The session for a new login, if there is one with enough time left. It may have ended at ICAT.
    pub fn find_session(&self) -> Option<String> {
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner).clone();
        current.filter(|session| session.used_until > self.clock.now()).map(|session| session.id)
    }

    /// Offers a session that was just opened to later logins, for half of its time.
    pub fn offer_session(&self, session: &IcatSession) {
        if !self.is_shared(&session.user_name) {
            return;
        }
        let now = self.clock.now();
        let time_left = session.ends_at.duration_since(now);
        if let Ok(used_until) = now.checked_add(time_left / 2) {
            let offered = SharedSession { id: session.id.clone(), used_until };
            *self.current.lock().unwrap_or_else(PoisonError::into_inner) = Some(offered);
        }
    }

    /// Stops offering a session that has ended.
    pub fn forget_session(&self, id: &str) {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.as_ref().is_some_and(|session| session.id == id) {
            *current = None;
        }
    }
}
