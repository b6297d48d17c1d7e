//! ICAT sessions: every login and logout at ICAT passes through [`log_in`] and [`log_out`], and every session that gets
//! or loses a token through [`session_started`] and [`session_ended`], inside the transaction that stores it. Others
//! hear of it by events.

use std::net::IpAddr;

use events::messages::auth::{SessionEnded, SessionStarted};
use icat_client::{IcatCode, IcatError};
use jiff::{SignedDuration, Timestamp};
use service_kit::{DbError, Problem, Tx, sha256_hex};

use crate::error::of_icat;
use crate::handle::Handle;
use crate::state::State;
use crate::store::accounts::{self, AccountRow};
use crate::store::token_sessions::{self, Owner, Row};
use crate::tokens::Claims;

/// A session at ICAT. Its id is a credential: it is not shown and not logged.
pub struct IcatSession {
    pub id: String,
    /// With the mechanism: `db/alice`.
    pub user_name: String,
    pub ends_at: Timestamp,
}

/// The session behind a token.
pub struct TokenSession {
    pub session: IcatSession,
    sid_hash: String,
}

/// Logs in at ICAT for a client with this address, and gives the id of the new session.
pub async fn log_in(
    state: &State,
    plugin: &str,
    credentials: &[(&str, &str)],
    client: IpAddr,
) -> Result<String, IcatError> {
    let opened = state.icat.login_for_client(plugin, credentials, client).await;
    let name = credentials.iter().find(|(key, _)| *key == "username").map_or("", |(_, name)| *name);
    state.login_observer.observe_at_icat(plugin, name, client, &opened);
    opened
}

/// Ends a session at ICAT and tells everybody who may remember it; one that is gone already is as good.
pub async fn log_out(state: &State, session_id: &str) -> Result<(), Problem> {
    let over = |e: &IcatError| matches!(e, IcatError::Refused { code: IcatCode::Session, .. });
    let subject = match state.icat.get_session(session_id).await {
        Ok(info) => info.user_name,
        Err(e) if over(&e) => return Ok(()),
        Err(e) => return Err(of_icat(e)),
    };
    match state.icat.end_session(session_id).await {
        Ok(()) => {}
        Err(e) if over(&e) => {}
        Err(e) => return Err(of_icat(e)),
    }
    let event = SessionEnded { session_hash: sha256_hex(session_id), subject };
    Ok(state.db.write(async |tx| state.outbox.emit(tx, &event).await).await?)
}

/// Tells that somebody logged in, in the transaction that belongs to it.
pub async fn tell_start(state: &State, tx: &mut Tx, session_id: &str, user_name: &str) -> Result<(), DbError> {
    let event = SessionStarted { session_hash: sha256_hex(session_id), subject: user_name.to_owned() };
    state.outbox.emit(tx, &event).await
}

/// Asks ICAT whose session it is and how long it lives.
pub async fn look_up(state: &State, session_id: &str) -> Result<IcatSession, IcatError> {
    let info = state.icat.get_session(session_id).await?;
    let ends_at = end_of(state.clock.now(), info.remaining_minutes)
        .ok_or_else(|| IcatError::Nonsense("a session without an end".to_owned()))?;
    Ok(IcatSession { id: session_id.to_owned(), user_name: info.user_name, ends_at })
}

/// `None` for a number of minutes that leads beyond all times.
pub fn end_of(now: Timestamp, remaining_minutes: f64) -> Option<Timestamp> {
    let span = SignedDuration::try_from_secs_f64(remaining_minutes * 60.0).ok()?;
    now.checked_add(span).ok()
}

/// The local account that a login is about, before its password is asked for: ICAT asks the plugin of this name. `None` for
/// accounts that others keep.
pub async fn account_before_login(
    state: &State,
    plugin: &str,
    credentials: &[(&str, &str)],
) -> Result<Option<AccountRow>, DbError> {
    let name = credentials.iter().find(|(key, _)| *key == "username").map(|(_, name)| *name);
    // No account has such a name, and no database takes it.
    let Some(name) = name.filter(|name| !name.contains('\0') && !plugin.contains('\0')) else { return Ok(None) };
    accounts::find(&mut state.db.read().await?, plugin, name).await
}

/// Stores the session of a new token, within a transaction that has done nothing yet: from this commit on the token can be
/// resolved. False if its account was locked or removed, whose sessions an icat.server keeps, or was changed since `before`.
pub async fn session_started(
    state: &State,
    tx: &mut Tx,
    session: &IcatSession,
    sid_hash: &str,
    sealed: &[u8],
    before: Option<&AccountRow>,
) -> Result<bool, DbError> {
    let account = accounts::take_by_user_name(tx, &session.user_name).await?;
    let is_changed = before.is_some_and(|before| account.as_ref() != Some(before));
    if is_changed || account.is_some_and(|account| !account.is_open()) {
        return Ok(false);
    }
    let row = Row { sealed: sealed.to_vec(), expires_at: session.ends_at.as_microsecond() };
    let owner = Owner { user_name: &session.user_name, session_hash: &sha256_hex(&session.id) };
    token_sessions::create(tx, sid_hash, &row, &owner).await?;
    tell_start(state, tx, &session.id, &session.user_name).await?;
    Ok(true)
}

/// Forgets the session of a token; false if somebody else has just done so.
pub async fn session_ended(tx: &mut Tx, ended: &TokenSession) -> Result<bool, DbError> {
    token_sessions::end(tx, &ended.sid_hash).await
}

/// Whether the user's account was locked or removed here; an icat.server keeps the sessions of such accounts.
pub async fn is_account_closed(state: &State, user_name: &str) -> Result<bool, Problem> {
    Ok(accounts::is_closed(&mut state.db.read().await?, user_name).await?)
}

/// The session behind a verified token, unless it has been ended; it may be over.
pub async fn find(state: &State, claims: Claims) -> Result<Option<TokenSession>, Problem> {
    let handle = Handle::of_token(claims.sid);
    let sid_hash = handle.hash();
    let Some(row) = token_sessions::find(&mut state.db.read().await?, &sid_hash).await? else { return Ok(None) };
    let id = handle.open(&row.sealed).map_err(|_| Problem::internal("a stored session cannot be decrypted"))?;
    let ends_at = Timestamp::from_microsecond(row.expires_at).map_err(Problem::internal)?;
    let session = IcatSession { id, user_name: claims.sub, ends_at };
    Ok(Some(TokenSession { session, sid_hash }))
}
