//! Logging out: the ICAT session ends, and with it the login, its tokens and its refresh tokens.

use std::sync::Arc;

use service_kit::Problem;

use crate::domain::login::EndReason;
use crate::domain::origin::Origin;
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

    /// Ends a login and its ICAT session.
    pub async fn log_out(&self, login: &LiveLogin, origin: &Origin) -> Result<(), Problem> {
        // ICAT first: if that fails, the request can be repeated.
        self.icat_sessions.log_out(&login.session.id).await?;
        self.logins.end_login(&login.row.sid_hash, EndReason::LoggedOut, origin).await?;
        Ok(())
    }
}
