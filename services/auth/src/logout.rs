//! Logging out: the login ends with its tokens and its refresh tokens, and so does the ICAT session.

use std::sync::Arc;

use service_kit::{Problem, sha256_hex};

use crate::domain::login::EndReason;
use crate::domain::origin::Origin;
use crate::error::from_icat_error;
use crate::icat_sessions::IcatSessions;
use crate::logins::{LiveLogin, Logins};

/// Logs users out.
pub struct Logout {
    logins: Arc<Logins>,
    icat_sessions: Arc<IcatSessions>,
}

impl Logout {
    pub fn new(logins: Arc<Logins>, icat_sessions: Arc<IcatSessions>) -> Self {
        Self { logins, icat_sessions }
    }

    /// Ends a login and its ICAT session. The login ends in any case. If ICAT does not answer, it hears of it by the event, or, if it
    /// is a program that knows no events, ends the session when it expires.
    pub async fn log_out(&self, login: &LiveLogin, origin: &Origin) -> Result<(), Problem> {
        self.logins.end_login(&login.row.sid_hash, EndReason::LoggedOut, origin).await?;
        self.icat_sessions.end_session_or_log(&login.session).await;
        Ok(())
    }

    /// Ends an ICAT session whose id the caller has, and the logins that belong to it. An error if ICAT does not answer; the logins
    /// have ended all the same.
    pub async fn log_out_of_icat(&self, session_id: &str, origin: &Origin) -> Result<(), Problem> {
        let had_logins = self.logins.end_logins_of_session(&sha256_hex(session_id), origin).await?;
        if had_logins {
            return self.icat_sessions.end_session(session_id).await.map_err(from_icat_error);
        }
        self.icat_sessions.log_out(session_id).await
    }
}
