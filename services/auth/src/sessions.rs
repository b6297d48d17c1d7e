//! ICAT sessions: logins and logouts at ICAT, and the sessions behind access tokens. Other services learn of sessions that
//! begin and end by events, which are emitted in the transaction that stores or deletes the session of a token.

use std::net::IpAddr;
use std::sync::Arc;

use events::Outbox;
use events::messages::auth::{SessionEnded, SessionStarted};
use icat_client::{IcatClient, IcatCode, IcatError};
use jiff::Timestamp;
use service_kit::{Clock, Ctx, Db, DbError, Problem, Tx, sha256_hex};

use crate::domain::icat_session::{IcatSession, session_end};
use crate::error::from_icat_error;
use crate::login_metrics::LoginMetrics;
use crate::session_handle::SessionHandle;
use crate::store::accounts::{self, AccountRow};
use crate::store::token_sessions::{self, SessionOwner, TokenSessionRow};

/// Logs in and out at ICAT, and keeps the sessions of access tokens.
pub struct Sessions {
    db: Db,
    clock: Arc<dyn Clock>,
    icat: IcatClient,
    outbox: Outbox,
    login_metrics: LoginMetrics,
}

/// The session behind a token.
pub struct TokenSession {
    pub session: IcatSession,
    sid_hash: String,
}

/// The name in the credentials of a login.
fn get_user_name<'c>(credentials: &[(&str, &'c str)]) -> Option<&'c str> {
    credentials.iter().find(|(key, _)| *key == "username").map(|(_, name)| *name)
}

impl Sessions {
    pub fn new(ctx: &Ctx, icat: IcatClient, outbox: Outbox, login_metrics: LoginMetrics) -> Self {
        Self { db: ctx.db.clone(), clock: Arc::clone(&ctx.clock), icat, outbox, login_metrics }
    }

    /// Logs in at ICAT for a client with this address; the id of the new session.
    pub async fn log_in(
        &self,
        plugin: &str,
        credentials: &[(&str, &str)],
        client: IpAddr,
    ) -> Result<String, IcatError> {
        let opened = self.icat.login_for_client(plugin, credentials, client).await;
        let name = get_user_name(credentials).unwrap_or_default();
        self.login_metrics.record_icat_login(plugin, name, client, &opened);
        opened
    }

    /// Ends a session at ICAT and emits the event; a session that has ended before is not an error.
    pub async fn log_out(&self, session_id: &str) -> Result<(), Problem> {
        let is_over = |e: &IcatError| matches!(e, IcatError::Refused { code: IcatCode::Session, .. });
        let subject = match self.icat.get_session(session_id).await {
            Ok(info) => info.user_name,
            Err(e) if is_over(&e) => return Ok(()),
            Err(e) => return Err(from_icat_error(e)),
        };
        match self.icat.end_session(session_id).await {
            Ok(()) => {}
            Err(e) if is_over(&e) => {}
            Err(e) => return Err(from_icat_error(e)),
        }
        let event = SessionEnded { session_hash: sha256_hex(session_id), subject };
        Ok(self.db.write(async |tx| self.outbox.emit(tx, &event).await).await?)
    }

    /// Emits the event of a login in a transaction of its own.
    pub async fn emit_session_started(&self, session_id: &str, user_name: &str) -> Result<(), DbError> {
        self.db.write(async |tx| self.emit_started(tx, session_id, user_name).await).await
    }

    async fn emit_started(&self, tx: &mut Tx, session_id: &str, user_name: &str) -> Result<(), DbError> {
        let event = SessionStarted { session_hash: sha256_hex(session_id), subject: user_name.to_owned() };
        self.outbox.emit(tx, &event).await
    }

    /// Asks ICAT for the owner and the end of a session.
    pub async fn look_up_session(&self, session_id: &str) -> Result<IcatSession, IcatError> {
        let info = self.icat.get_session(session_id).await?;
        let ends_at = session_end(self.clock.now(), info.remaining_minutes)
            .ok_or_else(|| IcatError::Nonsense("a session without an end".to_owned()))?;
        Ok(IcatSession { id: session_id.to_owned(), user_name: info.user_name, ends_at })
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

    /// Stores the session of a new token; from then on the token can be resolved. False if its account is locked or
    /// removed, whose sessions an icat.server keeps, or was changed since `before`.
    pub async fn store_token_session(
        &self,
        session: &IcatSession,
        sid_hash: &str,
        sealed: &[u8],
        before: Option<&AccountRow>,
    ) -> Result<bool, DbError> {
        let store = async |tx: &mut Tx| {
            let account = accounts::lock_by_user_name(tx, &session.user_name).await?;
            let is_changed = before.is_some_and(|before| account.as_ref() != Some(before));
            if is_changed || account.is_some_and(|account| !account.is_open()) {
                return Ok(false);
            }
            let row = TokenSessionRow { sealed: sealed.to_vec(), expires_at: session.ends_at.into() };
            let owner = SessionOwner { user_name: &session.user_name, session_hash: &sha256_hex(&session.id) };
            token_sessions::insert_token_session(tx, sid_hash, &row, &owner).await?;
            self.emit_started(tx, &session.id, &session.user_name).await?;
            Ok(true)
        };
        self.db.write_read_committed(store).await
    }

    /// Deletes the session of a token; false if another request has done so.
    pub async fn delete_token_session(&self, ended: &TokenSession) -> Result<bool, DbError> {
        self.db.write(async |tx| token_sessions::delete_token_session(tx, &ended.sid_hash).await).await
    }

    /// Whether the account of a user is locked or removed; an icat.server keeps the sessions of such accounts.
    pub async fn is_account_closed(&self, user_name: &str) -> Result<bool, Problem> {
        Ok(accounts::is_account_closed(&mut self.db.read().await?, user_name).await?)
    }

    /// The session behind a verified token with these claims, unless it was ended; its time may be over.
    pub async fn find_token_session(&self, sid: String, user_name: String) -> Result<Option<TokenSession>, Problem> {
        let handle = SessionHandle::from_token(sid);
        let sid_hash = handle.hash();
        let row = token_sessions::find_token_session(&mut self.db.read().await?, &sid_hash).await?;
        let Some(row) = row else { return Ok(None) };
        let id = handle.open(&row.sealed).map_err(|_| Problem::internal("a stored session cannot be decrypted"))?;
        let ends_at = Timestamp::from_microsecond(row.expires_at.as_i64()).map_err(Problem::internal)?;
        let session = IcatSession { id, user_name, ends_at };
        Ok(Some(TokenSession { session, sid_hash }))
    }
}
