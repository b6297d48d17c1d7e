//! Sessions at ICAT: opened by logins, refreshed and ended there.

use std::sync::Arc;

use events::Outbox;
use events::messages::auth::SessionEnded;
use icat_client::{IcatClient, IcatCode, IcatError};
use service_kit::problem::format_error_chain;
use service_kit::{Clock, Ctx, Db, DbError, Problem, sha256_hex};

use crate::anonymous_sessions::AnonymousSessions;
use crate::assertions::DELEGATE_MECHANISM;
use crate::authenticator_names::AuthenticatorNames;
use crate::domain::icat_session::{IcatSession, session_end};
use crate::domain::login::ANONYMOUS_PLUGIN;
use crate::domain::origin::Origin;
use crate::error::{from_icat_error, from_login_error};
use crate::login_metrics::LoginOutcome;
use crate::login_origins::{LoginOrigins, ORIGIN_CREDENTIAL};
use crate::login_recorder::LoginRecorder;
use crate::login_throttle::LoginThrottle;
use crate::store::accounts::{self, AccountRow};

/// Why a login failed.
#[derive(Debug)]
pub enum LoginError {
    /// Each interface has its own words for what ICAT answers.
    Icat(IcatError),
    Other(Problem),
}

impl LoginError {
    /// For clients of the token interface and of the login page.
    pub fn into_problem(self) -> Problem {
        match self {
            Self::Icat(e) => from_login_error(e),
            Self::Other(problem) => problem,
        }
    }
}

/// Opens, refreshes and ends sessions at ICAT.
pub struct IcatSessions {
    db: Db,
    clock: Arc<dyn Clock>,
    icat: IcatClient,
    outbox: Outbox,
    recorder: LoginRecorder,
    throttle: LoginThrottle,
    origins: LoginOrigins,
    authenticators: AuthenticatorNames,
    anonymous_sessions: AnonymousSessions,
}

/// Whether ICAT does not know a session any more.
pub fn is_session_over(e: &IcatError) -> bool {
    matches!(e, IcatError::Refused { code: IcatCode::Session, .. })
}

/// The name in the credentials of a login.
fn get_user_name<'c>(credentials: &[(&str, &'c str)]) -> Option<&'c str> {
    credentials.iter().find(|(key, _)| *key == "username").map(|(_, name)| *name)
}

impl IcatSessions {
    pub fn new(
        ctx: &Ctx,
        icat: IcatClient,
        outbox: Outbox,
        recorder: LoginRecorder,
        throttle: LoginThrottle,
        origins: LoginOrigins,
        anonymous_sessions: AnonymousSessions,
    ) -> Self {
        let clock = Arc::clone(&ctx.clock);
        let authenticators = AuthenticatorNames::new(Arc::clone(&clock), icat.clone());
        Self {
            db: ctx.db.clone(),
            clock,
            icat,
            outbox,
            recorder,
            throttle,
            origins,
            authenticators,
            anonymous_sessions,
        }
    }

    /// Logs in at ICAT for a client; the id of the new session. Failed logins are counted and recorded once: by the authenticator if it
    /// is one of this service, and here if not.
    pub async fn log_in(
        &self,
        plugin: &str,
        credentials: &[(&str, &str)],
        origin: &Origin,
    ) -> Result<String, LoginError> {
        if self.recorder.is_recorded_by_plugin(plugin) {
            self.log_in_at_own_plugin(plugin, credentials, origin).await
        } else {
            self.log_in_at_foreign_plugin(plugin, credentials, origin).await
        }
    }

    async fn log_in_at_own_plugin(
        &self,
        plugin: &str,
        credentials: &[(&str, &str)],
        origin: &Origin,
    ) -> Result<String, LoginError> {
        let Some(address) = origin.address else {
            return self.icat.login(plugin, credentials).await.map_err(LoginError::Icat);
        };
        if let Some(name) = get_user_name(credentials) {
            // The authenticator would refuse it too, but ICAT would not say why.
            self.throttle.check_attempt(plugin, name, origin).map_err(LoginError::Other)?;
        }
        let signed = self.origins.sign_address(address).await.map_err(LoginError::Other)?;
        let credentials = [credentials, &[(ORIGIN_CREDENTIAL, signed.as_str())]].concat();
        self.icat.login_for_client(plugin, &credentials, address).await.map_err(LoginError::Icat)
    }

    async fn log_in_at_foreign_plugin(
        &self,
        plugin: &str,
        credentials: &[(&str, &str)],
        origin: &Origin,
    ) -> Result<String, LoginError> {
        let (name, shown) = (get_user_name(credentials), self.authenticators.find_shown_name(plugin).await);
        let attempt = if plugin == ANONYMOUS_PLUGIN {
            self.throttle.count_anonymous_login(shown, origin).map_err(LoginError::Other)?;
            None
        } else {
            let begun = self.throttle.begin_attempt(shown, name.unwrap_or_default(), origin).await;
            Some(begun.map_err(LoginError::Other)?)
        };
        let opened = match origin.address {
            Some(address) => self.icat.login_for_client(plugin, credentials, address).await,
            None => self.icat.login(plugin, credentials).await,
        };
        if let Some(attempt) = attempt {
            attempt.end_attempt(LoginOutcome::from_icat_result(&opened));
        }
        self.recorder.record_icat_login(shown, name.unwrap_or_default(), origin, &opened).await;
        opened.map_err(LoginError::Icat)
    }

    /// Opens a session for somebody whom an identity provider has proved; the id of the new session. The caller records it.
    pub async fn log_in_with_assertion(&self, assertion: &str, origin: &Origin) -> Result<String, IcatError> {
        let credentials = [("token", assertion)];
        match origin.address {
            Some(address) => self.icat.login_for_client(DELEGATE_MECHANISM, &credentials, address).await,
            None => self.icat.login(DELEGATE_MECHANISM, &credentials).await,
        }
    }

    /// Ends a session at ICAT and emits the event; a session that has ended before is not an error.
    pub async fn log_out(&self, session_id: &str) -> Result<(), Problem> {
        let subject = match self.icat.get_session(session_id).await {
            Ok(info) => info.user_name,
            Err(e) if is_session_over(&e) => return Ok(()),
            Err(e) => return Err(from_icat_error(e)),
        };
        self.end_session(session_id).await.map_err(from_icat_error)?;
        let event = SessionEnded { session_hash: sha256_hex(session_id), subject };
        Ok(self.db.write(async |tx| self.outbox.emit(tx, &event).await).await?)
    }

    /// Ends a session at ICAT whose end others have heard of; one that has ended before is not an error.
    pub async fn end_session(&self, session_id: &str) -> Result<(), IcatError> {
        match self.icat.end_session(session_id).await {
            Err(e) if !is_session_over(&e) => Err(e),
            _ => Ok(()),
        }
    }

    /// Counts an anonymous login that needs no session of its own, or refuses it.
    pub fn count_anonymous_login(&self, origin: &Origin) -> Result<(), LoginError> {
        self.throttle.count_anonymous_login(ANONYMOUS_PLUGIN, origin).map_err(LoginError::Other)
    }

    /// The same for a login that has ended whatever ICAT answers. A session that belongs to others as well goes on.
    pub async fn end_session_or_log(&self, session: &IcatSession) {
        if self.anonymous_sessions.is_shared(&session.user_name) {
            return;
        }
        if let Err(e) = self.end_session(&session.id).await {
            tracing::warn!(
                account.name = session.user_name,
                error = format_error_chain(&e),
                "a login was ended, but ICAT did not end its session; an ICAT without our events keeps it until it expires"
            );
        }
    }

    /// Asks ICAT for the owner and the end of a session.
    pub async fn look_up_session(&self, session_id: &str) -> Result<IcatSession, IcatError> {
        let info = self.icat.get_session(session_id).await?;
        let ends_at = session_end(self.clock.now(), info.remaining_minutes)
            .ok_or_else(|| IcatError::Nonsense("a session without an end".to_owned()))?;
        Ok(IcatSession { id: session_id.to_owned(), user_name: info.user_name, ends_at })
    }

    /// Restarts the lifetime of a session.
    pub async fn refresh_session(&self, session: &IcatSession) -> Result<IcatSession, IcatError> {
        // icat.server 6.2 would revive a session that has expired and was not swept yet.
        if session.ends_at <= self.clock.now() {
            self.icat.get_session(&session.id).await?;
        }
        self.icat.refresh_session(&session.id).await?;
        self.look_up_session(&session.id).await
    }

    /// The local account of a login as it is before ICAT asks the plugin for its password. `None` for other accounts.
    pub async fn find_account_before_login(
        &self,
        plugin: &str,
        credentials: &[(&str, &str)],
    ) -> Result<Option<AccountRow>, DbError> {
        // No account has a name with a zero byte, which databases refuse.
        let name = get_user_name(credentials).filter(|name| !name.contains('\0') && !plugin.contains('\0'));
        let Some(name) = name else { return Ok(None) };
        accounts::find_account(&mut self.db.read().await?, plugin, name).await
    }
}
