//! Logins: who is logged in, with which client, and until when. A login has the ICAT session behind its tokens and, if its
//! client asked for one, a family of refresh tokens. All replicas see the end of a login at once, because it is a row; other
//! services hear of it by an event.

mod ends;
mod refresh_token;
mod renewal;
mod sealing;
mod session_handle;

use std::sync::Arc;

use events::Outbox;
use events::messages::auth::SessionStarted;
use jiff::Timestamp;
use service_kit::{Clock, Ctx, Db, DbError, Ids, Micros, Problem, Secret, Tx, sha256_hex};

use crate::anonymous_sessions::AnonymousSessions;
use crate::audit::Audit;
use crate::domain::audit::{AuditEntry, AuditKind};
use crate::domain::client_id::ClientId;
use crate::domain::icat_session::IcatSession;
use crate::domain::login::{ANONYMOUS_USER_NAME, Authentication, EndReason};
use crate::domain::origin::Origin;
use crate::domain::provider_session::ProviderSession;
use crate::domain::renewal::LoginLifetimes;
use crate::error::session_over;
use crate::login_flow::OpenedSession;
use crate::store::accounts::{self, AccountRow};
use crate::store::batches::delete_in_batches;
use crate::store::logins::{self, LoginRow};
use crate::store::{provider_logouts, provider_sessions, refresh_tokens};

pub use self::refresh_token::{RefreshToken, TokenPlace};
pub use self::renewal::{LoginRenewals, RenewalRequest};
pub use self::sealing::{Purpose, open_text, seal_text};
pub use self::session_handle::{SessionHandle, generate_secret_text, is_secret_text};

/// Stores, finds and ends logins.
pub struct Logins {
    db: Db,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    outbox: Outbox,
    audit: Audit,
    lifetimes: LoginLifetimes,
    anonymous_sessions: AnonymousSessions,
}

/// A login that begins.
pub struct NewLogin<'a> {
    pub session: &'a IcatSession,
    pub handle: &'a SessionHandle,
    pub authentication: &'a Authentication,
    pub client: &'a ClientId,
    pub origin: &'a Origin,
    /// The local account as it was when the login began; the login is refused if it was changed since.
    pub account_before: Option<&'a AccountRow>,
    /// The end of the first token.
    pub token_ends_at: Timestamp,
    /// Where the client keeps a refresh token, if it wants one.
    pub refresh_place: Option<TokenPlace>,
    /// The login at an identity provider behind it.
    pub provider_session: Option<&'a ProviderSession>,
}

/// A login that was stored.
pub struct StartedLogin {
    pub refresh_token: Option<RefreshToken>,
    /// When the client has to log in again, however often it refreshes.
    pub ends_at: Micros,
}

/// A login that has not ended, with its ICAT session.
pub struct LiveLogin {
    pub session: IcatSession,
    pub row: LoginRow,
}

impl LiveLogin {
    /// Whether neither its time nor that of its session is over.
    pub fn is_live(&self, now: Micros) -> bool {
        let LoginRow { ends_at, idle_ends_at, session_ends_at, .. } = &self.row;
        [ends_at, idle_ends_at, session_ends_at].into_iter().all(|end| *end > now)
    }
}

fn to_authentication(row: &LoginRow) -> Authentication {
    Authentication {
        mechanism: row.mechanism.clone(),
        time: row.auth_time,
        acr: row.acr.clone(),
        amr: row.list_methods(),
    }
}

impl Logins {
    pub fn new(
        ctx: &Ctx,
        outbox: Outbox,
        audit: Audit,
        lifetimes: LoginLifetimes,
        anonymous_sessions: AnonymousSessions,
    ) -> Self {
        let (db, clock, ids) = (ctx.db.clone(), Arc::clone(&ctx.clock), Arc::clone(&ctx.ids));
        Self { db, clock, ids, outbox, audit, lifetimes, anonymous_sessions }
    }

    /// Stores a login; from then on its tokens can be resolved. `None` if its account is locked or removed, whose sessions
    /// an icat.server keeps, or was changed while the login was under way.
    pub async fn start_login(&self, new: &NewLogin<'_>) -> Result<Option<StartedLogin>, Problem> {
        let now = self.clock.now_micros();
        let row = self.build_row(new, now)?;
        let refresh_token = new.refresh_place.map(|place| RefreshToken::generate(place, &*self.ids));
        let sealed_sid = match &refresh_token {
            Some(token) => Some((token.hash(), seal_handle(token, new.handle, &*self.ids)?)),
            None => None,
        };
        let sealed_id_token = self.seal_id_token(new)?;
        let store = async |tx: &mut Tx| {
            let account = accounts::lock_by_user_name(tx, &row.user_name).await?;
            let is_changed = new
                .account_before
                .is_some_and(|before| !account.as_ref().is_some_and(|account| account.is_unchanged(before)));
            if is_changed || account.is_some_and(|account| !account.is_open()) {
                return Ok(false);
            }
            logins::insert_login(tx, &row, new.token_ends_at.into()).await?;
            if let Some((token_hash, sealed)) = &sealed_sid {
                refresh_tokens::insert_token(tx, token_hash, &row.sid_hash, sealed, now).await?;
            }
            if let Some(provider_session) = new.provider_session {
                provider_sessions::insert_session(tx, &row.sid_hash, provider_session, sealed_id_token.clone(), now)
                    .await?;
            }
            self.emit_session_started(tx, &row.session_hash, &row.user_name).await?;
            let entry = AuditEntry {
                user_name: Some(&row.user_name),
                provider: Some(&row.mechanism),
                client: Some(&row.client),
                sid_hash: Some(&row.sid_hash),
                ..AuditEntry::new(AuditKind::Session, "started", new.origin)
            };
            self.audit.record_entry(tx, &entry).await?;
            Ok::<_, DbError>(true)
        };
        let is_stored = self.db.write_read_committed(store).await?;
        if is_stored && self.has_logged_out_meanwhile(new).await? {
            self.end_login(&row.sid_hash, EndReason::ProviderLoggedOut, new.origin).await?;
            return Ok(None);
        }
        Ok(is_stored.then_some(StartedLogin { refresh_token, ends_at: row.ends_at }))
    }

    /// Whether the user has logged out at the provider while the login was under way. To be asked after the login was stored: a logout
    /// that is stored later ends it.
    async fn has_logged_out_meanwhile(&self, new: &NewLogin<'_>) -> Result<bool, DbError> {
        let Some(session) = new.provider_session else { return Ok(false) };
        provider_logouts::is_logged_out(&mut self.db.read_statement().await?, session).await
    }

    fn seal_id_token(&self, new: &NewLogin<'_>) -> Result<Option<Vec<u8>>, Problem> {
        let Some(id_token) = new.provider_session.and_then(|session| session.id_token.as_ref()) else {
            return Ok(None);
        };
        let sealed = new.handle.seal_id_token(id_token.expose(), &*self.ids);
        sealed.map(Some).map_err(Problem::internal)
    }

    /// Stores the login of a web page; the handle is for its cookie. It ends with the ICAT session.
    pub async fn start_page_login(
        &self,
        opened: &OpenedSession,
        provider_session: Option<&ProviderSession>,
        origin: &Origin,
    ) -> Result<SessionHandle, Problem> {
        let handle = SessionHandle::generate_credential(&*self.ids);
        let new = NewLogin {
            session: &opened.session,
            handle: &handle,
            authentication: &opened.authentication,
            client: &ClientId::of_pages(),
            origin,
            account_before: opened.account_before.as_ref(),
            // No access token is signed for it.
            token_ends_at: self.clock.now(),
            refresh_place: None,
            provider_session,
        };
        self.start_login(&new).await?.ok_or_else(session_over)?;
        Ok(handle)
    }

    fn build_row(&self, new: &NewLogin<'_>, now: Micros) -> Result<LoginRow, Problem> {
        let NewLogin { session, handle, authentication, client, origin, .. } = new;
        let sealed = handle.seal_session_id(&session.id, &*self.ids).map_err(Problem::internal)?;
        let session_ends_at = Micros::from(session.ends_at);
        // Without a refresh token, a login ends with the session as it is now.
        let (ends_at, idle_ends_at) = match new.refresh_place {
            Some(_) => (now + self.lifetimes.absolute, now + self.lifetimes.idle),
            None => (session_ends_at, session_ends_at),
        };
        Ok(LoginRow {
            sid_hash: handle.hash(),
            user_name: session.user_name.clone(),
            mechanism: authentication.mechanism.clone(),
            client: client.as_str().to_owned(),
            sealed,
            session_hash: sha256_hex(&session.id),
            session_ends_at,
            auth_time: authentication.time,
            acr: authentication.acr.clone(),
            amr: serde_json::to_string(&authentication.amr).map_err(Problem::internal)?,
            started_at: now,
            last_used_at: now,
            ends_at,
            idle_ends_at,
            address: origin.address_text(),
            user_agent: origin.user_agent.clone(),
            ended_at: None,
        })
    }

    async fn emit_session_started(&self, tx: &mut Tx, session_hash: &str, user_name: &str) -> Result<(), DbError> {
        let event = SessionStarted { session_hash: session_hash.to_owned(), subject: user_name.to_owned() };
        self.outbox.emit(tx, &event).await
    }

    /// Publishes and records a session that a client keeps itself, as those of ICAT+ do.
    pub async fn record_foreign_session(
        &self,
        session_id: &str,
        user_name: &str,
        client: &ClientId,
        origin: &Origin,
    ) -> Result<(), DbError> {
        let session_hash = sha256_hex(session_id);
        let entry = AuditEntry {
            user_name: Some(user_name),
            client: Some(client.as_str()),
            ..AuditEntry::new(AuditKind::Session, "started", origin)
        };
        let record = async |tx: &mut Tx| {
            self.emit_session_started(tx, &session_hash, user_name).await?;
            self.audit.record_entry(tx, &entry).await
        };
        self.db.write(record).await
    }

    /// The login of a token with this `sid`, unless it was ended; its time may be over.
    pub async fn find_login(&self, sid: String) -> Result<Option<LiveLogin>, Problem> {
        let handle = SessionHandle::from_token(sid);
        let row = logins::find_login(&mut self.db.read_statement().await?, &handle.hash()).await?;
        let Some(row) = row.filter(|row| row.ended_at.is_none()) else { return Ok(None) };
        let session = open_session(&handle, &row)?;
        Ok(Some(LiveLogin { session, row }))
    }

    /// The login that a `sid` stands for now: it has not ended, its time is not over, and its account is open.
    pub async fn find_live_login(&self, sid: String) -> Result<Option<LiveLogin>, Problem> {
        let handle = SessionHandle::from_token(sid);
        let row = logins::find_open_login(&mut self.db.read_statement().await?, &handle.hash()).await?;
        let Some(row) = row else { return Ok(None) };
        let login = LiveLogin { session: open_session(&handle, &row)?, row };
        Ok(Some(login).filter(|login| login.is_live(self.clock.now_micros())))
    }

    /// The ID token of the login at a provider that the login with this `sid` came from, if it was kept.
    pub async fn find_id_token(&self, sid: String) -> Result<Option<Secret>, Problem> {
        let handle = SessionHandle::from_token(sid);
        let sealed =
            provider_sessions::find_sealed_id_token(&mut self.db.read_statement().await?, &handle.hash()).await?;
        let open = |sealed: Vec<u8>| handle.open_id_token(&sealed).map(Secret::new);
        sealed.map(open).transpose().map_err(|_| Problem::internal("a stored ID token cannot be decrypted"))
    }

    /// The login that a refresh token belongs to, unless it was ended; the token may have been used.
    pub async fn find_login_by_refresh_token(&self, token: &RefreshToken) -> Result<Option<LiveLogin>, Problem> {
        let mut tx = self.db.read().await?;
        let Some(found) = refresh_tokens::find_token(&mut tx, &token.hash()).await? else { return Ok(None) };
        drop(tx);
        self.find_login(open_handle(token, &found.sealed_sid)?.expose().to_owned()).await
    }

    /// Whether the account of a user is locked or removed; an icat.server keeps the sessions of such accounts.
    pub async fn is_account_closed(&self, user_name: &str) -> Result<bool, Problem> {
        Ok(accounts::is_account_closed(&mut self.db.read_statement().await?, user_name).await?)
    }

    /// The logins that somebody may see: theirs that have not ended, the newest first, after the one with this start and hash.
    /// Somebody anonymous sees the current one alone.
    pub async fn list_own_logins(
        &self,
        current: &LoginRow,
        after: (Micros, &str),
        limit: i64,
    ) -> Result<Vec<LoginRow>, DbError> {
        if current.user_name == ANONYMOUS_USER_NAME {
            return Ok(vec![current.clone()]);
        }
        let now = self.clock.now_micros();
        logins::list_logins_of_user(&mut self.db.read().await?, &current.user_name, now, after, limit).await
    }

    /// Another login of the same user; `None` if it is another user's, or was ended.
    pub async fn find_own_login(&self, current: &LoginRow, sid_hash: &str) -> Result<Option<LoginRow>, DbError> {
        if current.user_name == ANONYMOUS_USER_NAME || sid_hash.contains('\0') {
            return Ok(None);
        }
        let row = logins::find_login(&mut self.db.read().await?, sid_hash).await?;
        Ok(row.filter(|row| row.user_name == current.user_name && row.ended_at.is_none()))
    }
}

fn open_session(handle: &SessionHandle, row: &LoginRow) -> Result<IcatSession, Problem> {
    let id =
        handle.open_session_id(&row.sealed).map_err(|_| Problem::internal("a stored session cannot be decrypted"))?;
    Ok(IcatSession { id, user_name: row.user_name.clone(), ends_at: row.session_ends_at.to_timestamp() })
}

fn seal_handle(token: &RefreshToken, handle: &SessionHandle, ids: &dyn Ids) -> Result<Vec<u8>, Problem> {
    token.seal_handle(handle, ids).map_err(Problem::internal)
}

fn open_handle(token: &RefreshToken, sealed: &[u8]) -> Result<SessionHandle, Problem> {
    token.open_handle(sealed).map_err(|_| Problem::internal("a stored handle of a login cannot be decrypted"))
}

/// Deletes logins that ended before a moment, and their refresh tokens; returns how many logins.
pub async fn delete_old_logins(db: &Db, before: Micros) -> Result<u64, DbError> {
    delete_in_batches(db, async |tx| logins::delete_tokens_of_old_logins(tx, before).await).await?;
    delete_in_batches(db, async |tx| logins::delete_old_logins(tx, before).await).await
}
