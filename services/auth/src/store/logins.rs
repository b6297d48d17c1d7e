//! Logins. The rows reveal neither the handles of tokens nor ICAT session ids.

use service_kit::{DbError, Micros, Row, Tx};

use super::batches::MAX_DELETED_ROWS;
use crate::domain::login::EndReason;

pub const INSERT: &str = "INSERT INTO login (sid_hash, user_name, mechanism, client, sealed, session_hash, \
                          session_ends_at, auth_time, acr, amr, started_at, last_used_at, tokens_end_at, ends_at, \
                          idle_ends_at, address, user_agent) \
                          VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11, $12, $13, $14, $15, $16)";
pub const FIND: &str = "SELECT sid_hash, user_name, mechanism, client, sealed, session_hash, session_ends_at, auth_time, \
                        acr, amr, started_at, last_used_at, ends_at, idle_ends_at, address, user_agent, ended_at \
                        FROM login WHERE sid_hash = $1";
/// The same for a login that has not ended, of an account that is open. Few accounts are closed, and an index has them by user name.
pub const FIND_OPEN: &str = "SELECT sid_hash, user_name, mechanism, client, sealed, session_hash, session_ends_at, \
                             auth_time, acr, amr, started_at, last_used_at, ends_at, idle_ends_at, address, user_agent, \
                             ended_at FROM login WHERE sid_hash = $1 AND ended_at IS NULL AND NOT EXISTS \
                             (SELECT 1 FROM account WHERE account.mechanism || '/' || account.name = login.user_name \
                             AND (account.locked_at IS NOT NULL OR account.removed_at IS NOT NULL))";
/// Writes the row, so that concurrent transactions that change it run one after the other.
pub const LOCK: &str = "UPDATE login SET started_at = started_at WHERE sid_hash = $1 AND ended_at IS NULL \
                        RETURNING sid_hash, user_name, mechanism, client, sealed, session_hash, session_ends_at, \
                        auth_time, acr, amr, started_at, last_used_at, ends_at, idle_ends_at, address, user_agent, \
                        ended_at";
pub const RENEW: &str = "UPDATE login SET last_used_at = $1, idle_ends_at = $2, session_ends_at = $3, \
                         tokens_end_at = CASE WHEN tokens_end_at > $4 THEN tokens_end_at ELSE $4 END \
                         WHERE sid_hash = $5";
pub const END: &str = "UPDATE login SET ended_at = $1, end_reason = $2 WHERE sid_hash = $3 AND ended_at IS NULL \
                       RETURNING sid_hash, user_name, session_hash";
pub const END_OF_SESSION: &str = "UPDATE login SET ended_at = $1, end_reason = $2 \
                                  WHERE session_hash = $3 AND ended_at IS NULL \
                                  RETURNING sid_hash, user_name, session_hash";
pub const END_OF_USER: &str = "UPDATE login SET ended_at = $1, end_reason = $2 \
                               WHERE user_name = $3 AND ended_at IS NULL \
                               RETURNING sid_hash, user_name, session_hash";
/// A login that shares its ICAT session with the one that goes on goes on as well.
pub const END_OTHERS: &str = "UPDATE login SET ended_at = $1, end_reason = $2 \
                              WHERE user_name = $3 AND session_hash <> $4 AND ended_at IS NULL \
                              RETURNING sid_hash, user_name, session_hash";
pub const LIST_OF_USER: &str = "SELECT sid_hash, user_name, mechanism, client, sealed, session_hash, session_ends_at, \
                                auth_time, acr, amr, started_at, last_used_at, ends_at, idle_ends_at, address, \
                                user_agent, ended_at FROM login \
                                WHERE user_name = $1 AND ended_at IS NULL AND ends_at > $2 AND idle_ends_at > $2 \
                                AND (started_at < $3 OR started_at = $3 AND sid_hash < $4) \
                                ORDER BY started_at DESC, sid_hash DESC LIMIT $5";
pub const LIST: &str = "SELECT sid_hash, user_name, mechanism, client, sealed, session_hash, session_ends_at, auth_time, \
                        acr, amr, started_at, last_used_at, ends_at, idle_ends_at, address, user_agent, ended_at FROM login \
                        WHERE ended_at IS NULL AND ends_at > $1 AND idle_ends_at > $1 \
                        ORDER BY started_at DESC, sid_hash DESC LIMIT $2";
pub const DELETE_TOKENS_OF_OLD: &str = "DELETE FROM refresh_token WHERE token_hash IN \
                                        (SELECT token_hash FROM refresh_token WHERE sid_hash IN \
                                        (SELECT sid_hash FROM login \
                                        WHERE ended_at < $1 OR ends_at < $1 OR idle_ends_at < $1) LIMIT $2)";
pub const DELETE_OLD: &str = "DELETE FROM login WHERE sid_hash IN (SELECT sid_hash FROM login \
                              WHERE (ended_at < $1 OR ends_at < $1 OR idle_ends_at < $1) AND NOT EXISTS \
                              (SELECT 1 FROM refresh_token WHERE refresh_token.sid_hash = login.sid_hash) LIMIT $2)";
/// Every statement, for the test that prepares them on each engine.
pub const ALL: [&str; 13] = [
    INSERT,
    FIND,
    FIND_OPEN,
    LOCK,
    RENEW,
    END,
    END_OF_SESSION,
    END_OF_USER,
    END_OTHERS,
    LIST_OF_USER,
    LIST,
    DELETE_TOKENS_OF_OLD,
    DELETE_OLD,
];

/// Before the newest login, for [`list_logins_of_user`].
pub const NEWEST: (Micros, &str) = (Micros::from_i64(i64::MAX), "");

/// A login as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginRow {
    pub sid_hash: String,
    pub user_name: String,
    pub mechanism: String,
    pub client: String,
    /// The ICAT session id, encrypted.
    pub sealed: Vec<u8>,
    pub session_hash: String,
    pub session_ends_at: Micros,
    pub auth_time: Option<Micros>,
    pub acr: Option<String>,
    /// A JSON list.
    pub amr: String,
    pub started_at: Micros,
    pub last_used_at: Micros,
    pub ends_at: Micros,
    pub idle_ends_at: Micros,
    pub address: Option<String>,
    pub user_agent: Option<String>,
    pub ended_at: Option<Micros>,
}

impl LoginRow {
    /// How the user proved who they are (RFC 8176).
    pub fn list_methods(&self) -> Vec<String> {
        // The column is written by this program alone.
        serde_json::from_str(&self.amr).unwrap_or_default()
    }
}

/// What changes when a login is renewed.
#[derive(Debug, Clone, Copy)]
pub struct RenewedTimes {
    pub now: Micros,
    pub idle_ends_at: Micros,
    pub session_ends_at: Micros,
    /// The end of the token that is signed now.
    pub token_ends_at: Micros,
}

/// A login that was ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndedLogin {
    pub sid_hash: String,
    pub user_name: String,
    pub session_hash: String,
}

/// Stores a new login; `token_ends_at` is the end of its first token.
pub async fn insert_login(tx: &mut Tx, login: &LoginRow, token_ends_at: Micros) -> Result<(), DbError> {
    let vals = [
        login.sid_hash.as_str().into(),
        login.user_name.as_str().into(),
        login.mechanism.as_str().into(),
        login.client.as_str().into(),
        login.sealed.clone().into(),
        login.session_hash.as_str().into(),
        login.session_ends_at.into(),
        login.auth_time.into(),
        login.acr.clone().into(),
        login.amr.as_str().into(),
        login.started_at.into(),
        token_ends_at.into(),
        login.ends_at.into(),
        login.idle_ends_at.into(),
        login.address.clone().into(),
        login.user_agent.clone().into(),
    ];
    tx.execute(INSERT, &vals).await.map(drop)
}

/// The login, which may have ended.
pub async fn find_login(tx: &mut Tx, sid_hash: &str) -> Result<Option<LoginRow>, DbError> {
    tx.fetch_optional(FIND, &[sid_hash.into()]).await?.as_ref().map(parse_login).transpose()
}

/// The login, unless it has ended or its account is closed.
pub async fn find_open_login(tx: &mut Tx, sid_hash: &str) -> Result<Option<LoginRow>, DbError> {
    tx.fetch_optional(FIND_OPEN, &[sid_hash.into()]).await?.as_ref().map(parse_login).transpose()
}

/// The login, locked until the transaction ends; `None` if it has ended. Must be the first statement of the transaction.
pub async fn lock_login(tx: &mut Tx, sid_hash: &str) -> Result<Option<LoginRow>, DbError> {
    tx.fetch_optional(LOCK, &[sid_hash.into()]).await?.as_ref().map(parse_login).transpose()
}

pub async fn renew_login(tx: &mut Tx, sid_hash: &str, times: RenewedTimes) -> Result<(), DbError> {
    let RenewedTimes { now, idle_ends_at, session_ends_at, token_ends_at } = times;
    let vals = [now.into(), idle_ends_at.into(), session_ends_at.into(), token_ends_at.into(), sid_hash.into()];
    tx.execute(RENEW, &vals).await.map(drop)
}

/// Ends a login; `None` if it does not exist or has ended before.
pub async fn end_login(
    tx: &mut Tx,
    sid_hash: &str,
    reason: EndReason,
    now: Micros,
) -> Result<Option<EndedLogin>, DbError> {
    let row = tx.fetch_optional(END, &[now.into(), reason.as_str().into(), sid_hash.into()]).await?;
    row.as_ref().map(parse_ended_login).transpose()
}

/// Ends all logins of an ICAT session; those that had not ended before.
pub async fn end_logins_of_session(
    tx: &mut Tx,
    session_hash: &str,
    reason: EndReason,
    now: Micros,
) -> Result<Vec<EndedLogin>, DbError> {
    let vals = [now.into(), reason.as_str().into(), session_hash.into()];
    tx.fetch_all(END_OF_SESSION, &vals).await?.iter().map(parse_ended_login).collect()
}

fn parse_ended_login(row: &Row) -> Result<EndedLogin, DbError> {
    Ok(EndedLogin {
        sid_hash: row.get("sid_hash")?,
        user_name: row.get("user_name")?,
        session_hash: row.get("session_hash")?,
    })
}

/// Ends all logins of a user; those that had not ended before, several of which may have one session.
pub async fn end_logins_of_user(
    tx: &mut Tx,
    user_name: &str,
    reason: EndReason,
    now: Micros,
) -> Result<Vec<EndedLogin>, DbError> {
    let rows = tx.fetch_all(END_OF_USER, &[now.into(), reason.as_str().into(), user_name.into()]).await?;
    rows.iter().map(parse_ended_login).collect()
}

/// Ends the logins of a user that have another ICAT session than this one; those that had not ended before.
pub async fn end_other_logins(
    tx: &mut Tx,
    user_name: &str,
    session_hash: &str,
    reason: EndReason,
    now: Micros,
) -> Result<Vec<EndedLogin>, DbError> {
    let vals = [now.into(), reason.as_str().into(), user_name.into(), session_hash.into()];
    tx.fetch_all(END_OTHERS, &vals).await?.iter().map(parse_ended_login).collect()
}

/// The logins of all users that have not ended, the newest first.
pub async fn list_logins(tx: &mut Tx, now: Micros, limit: i64) -> Result<Vec<LoginRow>, DbError> {
    tx.fetch_all(LIST, &[now.into(), limit.into()]).await?.iter().map(parse_login).collect()
}

/// The logins of a user that have not ended, the newest first, after the one with this start and hash.
pub async fn list_logins_of_user(
    tx: &mut Tx,
    user_name: &str,
    now: Micros,
    after: (Micros, &str),
    limit: i64,
) -> Result<Vec<LoginRow>, DbError> {
    let vals = [user_name.into(), now.into(), after.0.into(), after.1.into(), limit.into()];
    tx.fetch_all(LIST_OF_USER, &vals).await?.iter().map(parse_login).collect()
}

/// Deletes some refresh tokens of logins that ended before a moment; returns how many.
pub async fn delete_tokens_of_old_logins(tx: &mut Tx, before: Micros) -> Result<u64, DbError> {
    tx.execute(DELETE_TOKENS_OF_OLD, &[before.into(), i64::from(MAX_DELETED_ROWS).into()]).await
}

/// Deletes some logins that ended before a moment and have no refresh tokens any more; returns how many.
pub async fn delete_old_logins(tx: &mut Tx, before: Micros) -> Result<u64, DbError> {
    tx.execute(DELETE_OLD, &[before.into(), i64::from(MAX_DELETED_ROWS).into()]).await
}

fn parse_login(row: &Row) -> Result<LoginRow, DbError> {
    Ok(LoginRow {
        sid_hash: row.get("sid_hash")?,
        user_name: row.get("user_name")?,
        mechanism: row.get("mechanism")?,
        client: row.get("client")?,
        sealed: row.get("sealed")?,
        session_hash: row.get("session_hash")?,
        session_ends_at: row.get("session_ends_at")?,
        auth_time: row.get("auth_time")?,
        acr: row.get("acr")?,
        amr: row.get("amr")?,
        started_at: row.get("started_at")?,
        last_used_at: row.get("last_used_at")?,
        ends_at: row.get("ends_at")?,
        idle_ends_at: row.get("idle_ends_at")?,
        address: row.get("address")?,
        user_agent: row.get("user_agent")?,
        ended_at: row.get("ended_at")?,
    })
}
