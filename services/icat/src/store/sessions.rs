//! Sessions: who is logged in until when.

use service_kit::{DbError, Tx};

pub const CREATE: &str = "INSERT INTO session (id_hash, user_name, expires_at, created_at) VALUES ($1, $2, $3, $4)";
pub const FIND: &str = "SELECT user_name, expires_at FROM session WHERE id_hash = $1";
pub const REFRESH: &str = "UPDATE session SET expires_at = $1 WHERE id_hash = $2";
pub const END: &str = "DELETE FROM session WHERE id_hash = $1 RETURNING user_name";
pub const END_ALL_OF: &str = "DELETE FROM session WHERE user_name = $1 AND created_at <= $2 RETURNING id_hash";
pub const PURGE: &str = "DELETE FROM session WHERE expires_at < $1";
pub const LOGGED_IN: &str = "SELECT COUNT(*) AS n FROM session WHERE user_name = $1 AND expires_at >= $2";
pub const COUNT_REVOCATIONS: &str = "SELECT n FROM revocation_count";
pub const NUMBER_REVOCATION: &str = "UPDATE revocation_count SET n = n + 1 RETURNING n";
pub const NOTE_REVOCATION: &str = "INSERT INTO revocation (user_name, n, begun_until) VALUES ($1, $2, $3) \
                                   ON CONFLICT (user_name) DO UPDATE SET n = excluded.n, begun_until = excluded.begun_until";
/// Changes the row, so that a revocation at the same time begins anew and finds what is stored here.
pub const TAKE_REVOCATION: &str = "INSERT INTO revocation (user_name, n, begun_until) VALUES ($1, 0, 0) \
                                   ON CONFLICT (user_name) DO UPDATE SET n = revocation.n RETURNING n, begun_until";
/// Every statement, for the test that prepares them on each engine.
pub const ALL: [&str; 11] = [
    CREATE,
    FIND,
    REFRESH,
    END,
    END_ALL_OF,
    PURGE,
    LOGGED_IN,
    COUNT_REVOCATIONS,
    NUMBER_REVOCATION,
    NOTE_REVOCATION,
    TAKE_REVOCATION,
];

/// A stored session; times in microseconds UTC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    pub user_name: String,
    pub expires_at: i64,
}

/// A login before its password is asked for.
#[derive(Debug, Clone, Copy)]
pub struct LoginStart {
    /// Microseconds UTC.
    pub at: i64,
    /// How many revocations there were.
    pub revocations: i64,
}

/// How many revocations there were so far.
pub async fn count_revocations(tx: &mut Tx) -> Result<i64, DbError> {
    tx.fetch_one(COUNT_REVOCATIONS, &[]).await?.get("n")
}

/// Stores the session of a login, within a transaction that has done nothing yet; false if it was revoked while it was under way.
pub async fn create_session(tx: &mut Tx, id_hash: &str, session: &Session, begun: LoginStart) -> Result<bool, DbError> {
    let last = tx.fetch_one(TAKE_REVOCATION, &[session.user_name.as_str().into()]).await?;
    if last.get::<i64>("n")? > begun.revocations && begun.at <= last.get("begun_until")? {
        return Ok(false);
    }
    let vals = [id_hash.into(), session.user_name.as_str().into(), session.expires_at.into(), begun.at.into()];
    tx.execute(CREATE, &vals).await?;
    Ok(true)
}

pub async fn get_session(tx: &mut Tx, id_hash: &str) -> Result<Option<Session>, DbError> {
    match tx.fetch_optional(FIND, &[id_hash.into()]).await? {
        None => Ok(None),
        Some(row) => Ok(Some(Session { user_name: row.get("user_name")?, expires_at: row.get("expires_at")? })),
    }
}

pub async fn update_expiry(tx: &mut Tx, id_hash: &str, expires_at: i64) -> Result<(), DbError> {
    tx.execute(REFRESH, &[expires_at.into(), id_hash.into()]).await.map(drop)
}

/// Whose session it was, if there was one.
pub async fn delete_session(tx: &mut Tx, id_hash: &str) -> Result<Option<String>, DbError> {
    tx.fetch_optional(END, &[id_hash.into()]).await?.map(|row| row.get("user_name")).transpose()
}

/// Ends the sessions of a user whose logins began until then, also those that are under way; the hashes of the ids of those
/// that were stored.
pub async fn delete_sessions_of_user(tx: &mut Tx, user_name: &str, begun_until: i64) -> Result<Vec<String>, DbError> {
    let n: i64 = tx.fetch_one(NUMBER_REVOCATION, &[]).await?.get("n")?;
    tx.execute(NOTE_REVOCATION, &[user_name.into(), n.into(), begun_until.into()]).await?;
    let rows = tx.fetch_all(END_ALL_OF, &[user_name.into(), begun_until.into()]).await?;
    rows.iter().map(|row| row.get("id_hash")).collect()
}

/// Removes what expired before `now`; how many there were.
pub async fn delete_expired(tx: &mut Tx, now: i64) -> Result<u64, DbError> {
    tx.execute(PURGE, &[now.into()]).await
}

pub async fn has_live_session(tx: &mut Tx, user_name: &str, now: i64) -> Result<bool, DbError> {
    let n: i64 = tx.fetch_one(LOGGED_IN, &[user_name.into(), now.into()]).await?.get("n")?;
    Ok(n > 0)
}
