//! Logging in at ICAT for a client that gets tokens: the session is opened, and ended again if the login fails afterwards.

use std::sync::Arc;

use service_kit::{Clock, Problem};

use crate::anonymous_sessions::AnonymousSessions;
use crate::domain::icat_session::IcatSession;
use crate::domain::login::{ANONYMOUS_PLUGIN, Authentication};
use crate::domain::origin::Origin;
use crate::icat_sessions::{IcatSessions, LoginError, is_session_over};
use crate::store::accounts::AccountRow;

/// Logs in at ICAT.
pub struct LoginFlow {
    clock: Arc<dyn Clock>,
    icat_sessions: Arc<IcatSessions>,
    anonymous_sessions: AnonymousSessions,
}

/// A session that ICAT has opened.
pub struct OpenedSession {
    pub session: IcatSession,
    pub authentication: Authentication,
    /// The local account before its password was checked.
    pub account_before: Option<AccountRow>,
}

impl LoginFlow {
    pub fn new(clock: Arc<dyn Clock>, icat_sessions: Arc<IcatSessions>, anonymous_sessions: AnonymousSessions) -> Self {
        Self { clock, icat_sessions, anonymous_sessions }
    }

    /// Opens a session with credentials and issues tokens for it. If no tokens are issued, the session is ended.
    pub async fn log_in<T>(
        &self,
        plugin: &str,
        credentials: &[(&str, &str)],
        origin: &Origin,
        issue_tokens: impl AsyncFnOnce(&OpenedSession) -> Result<T, Problem>,
    ) -> Result<T, LoginError> {
        let account_before = self.icat_sessions.find_account_before_login(plugin, credentials).await;
        let account_before = account_before.map_err(|e| LoginError::Other(e.into()))?;
        let authentication = Authentication::from_credentials(plugin, credentials, self.clock.now_micros());
        if plugin == ANONYMOUS_PLUGIN
            && let Some(session) = self.find_shared_session().await?
        {
            self.icat_sessions.count_anonymous_login(origin)?;
            let opened = OpenedSession { session, authentication, account_before };
            return issue_tokens(&opened).await.map_err(LoginError::Other);
        }
        let id = self.icat_sessions.log_in(plugin, credentials, origin).await?;
        self.issue_for_session(&id, authentication, account_before, issue_tokens).await
    }

    /// The session that anonymous logins share, if there is one that ICAT knows.
    async fn find_shared_session(&self) -> Result<Option<IcatSession>, LoginError> {
        let Some(id) = self.anonymous_sessions.find_session() else { return Ok(None) };
        match self.icat_sessions.look_up_session(&id).await {
            Ok(session) => Ok(Some(session)),
            Err(e) if is_session_over(&e) => {
                self.anonymous_sessions.forget_session(&id);
                Ok(None)
            }
            Err(e) => Err(LoginError::Icat(e)),
        }
    }

    /// The same for a login that an identity provider has proved, with a one-time assertion.
    pub async fn log_in_with_assertion<T>(
        &self,
        assertion: &str,
        authentication: Authentication,
        origin: &Origin,
        issue_tokens: impl AsyncFnOnce(&OpenedSession) -> Result<T, Problem>,
    ) -> Result<T, LoginError> {
        let id = self.icat_sessions.log_in_with_assertion(assertion, origin).await.map_err(LoginError::Icat)?;
        self.issue_for_session(&id, authentication, None, issue_tokens).await
    }

    async fn issue_for_session<T>(
        &self,
        id: &str,
        authentication: Authentication,
        account_before: Option<AccountRow>,
        issue_tokens: impl AsyncFnOnce(&OpenedSession) -> Result<T, Problem>,
    ) -> Result<T, LoginError> {
        let issued = match self.icat_sessions.look_up_session(id).await {
            Ok(session) => {
                let opened = OpenedSession { session, authentication, account_before };
                let issued = issue_tokens(&opened).await.map_err(LoginError::Other);
                if issued.is_ok() {
                    self.anonymous_sessions.offer_session(&opened.session);
                }
                issued
            }
            Err(e) => Err(LoginError::Icat(e)),
        };
        if issued.is_err()
            && let Err(e) = self.icat_sessions.log_out(id).await
        {
            tracing::warn!(error = %e, "cannot end the session of a failed login; it stays open until it expires");
        }
        issued
    }
}
