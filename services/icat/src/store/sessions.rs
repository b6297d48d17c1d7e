//! Sessions and revocations of logins.

use service_kit::{DbError, Micros, Tx};

pub const INSERT_SESSION: &str =
    "INSERT INTO session (id_hash, user_name, expires_at, created_at) VALUES ($1, $2, $3, $4)";
pub const SELECT_SESSION: &str = "SELECT user_name, expires_at FROM session WHERE id_hash = $1";
pub const UPDATE_EXPIRY: &str = "UPDATE session SET expires_at = $1 WHERE id_hash = $2";
pub const DELETE_SESSION: &str = "DELETE FROM session WHERE id_hash = $1 RETURNING user_name";
pub const DELETE_SESSIONS_OF_USER: &str =
    "DELETE FROM session WHERE user_name = $1 AND created_at <= $2 RETURNING id_hash";
pub const DELETE_EXPIRED: &str = "DELETE FROM session WHERE expires_at < $1";
pub const COUNT_LIVE_SESSIONS: &str = "SELECT COUNT(*) AS n FROM session WHERE user_name = $1 AND expires_at >= $2";
pub const COUNT_REVOCATIONS: &str = "SELECT n FROM revocation_count";
pub const NUMBER_REVOCATION: &str = "UPDATE revocation_count SET n = n + 1 RETURNING n";
pub const UPSERT_REVOCATION: &str = "INSERT INTO revocation (user_name, n, begun_until) VALUES ($1, $2, $3) \
                                   ON CONFLICT (user_name) DO UPDATE SET n = excluded.n, begun_until = excluded.begun_until";
/// Updates the row, so that a concurrent revocation starts again and finds the session that is stored here.
pub const TOUCH_REVOCATION: &str = "INSERT INTO revocation (user_name, n, begun_until) VALUES ($1, 0, 0) \
                                   ON CONFLICT (user_name) DO UPDATE SET n = revocation.n RETURNING n, begun_until";
/// Every statement, for the test that prepares them on each engine.
pub const ALL: [&str; 11] = [
    INSERT_SESSION,
    SELECT_SESSION,
    UPDATE_EXPIRY,
    DELETE_SESSION,
    DELETE_SESSIONS_OF_USER,
    DELETE_EXPIRED,
    COUNT_LIVE_SESSIONS,
    COUNT_REVOCATIONS,
    NUMBER_REVOCATION,
    UPSERT_REVOCATION,
    TOUCH_REVOCATION,
];

/// A stored session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    pub user_name: String,
    pub expires_at: Micros,
}

/// When a login started, before the authenticator was asked.
#[derive(Debug, Clone, Copy)]
pub struct LoginStart {
    pub started_at: Micros,
    /// How many revocations had been stored by then.
    pub revocations: i64,
}

/// The number of revocations so far.
pub async fn count_revocations(tx: &mut Tx) -> Result<i64, DbError> {
    tx.fetch_one(COUNT_REVOCATIONS, &[]).await?.get("n")
}

/// Stores the session of a login, as the first statement of a transaction; false if the login was revoked meanwhile.
pub async fn create_session(tx: &mut Tx, id_hash: &str, session: &Session, start: LoginStart) -> Result<bool, DbError> {
    let last = tx.fetch_one(TOUCH_REVOCATION, &[session.user_name.as_str().into()]).await?;
    if last.get::<i64>("n")? > start.revocations && start.started_at <= last.get("begun_until")? {
        return Ok(false);
    }
    let vals = [id_hash.into(), session.user_name.as_str().into(), session.expires_at.into(), start.started_at.into()];
    tx.execute(INSERT_SESSION, &vals).await?;
    Ok(true)
}

pub async fn get_session(tx: &mut Tx, id_hash: &str) -> Result<Option<Session>, DbError> {
    match tx.fetch_optional(SELECT_SESSION, &[id_hash.into()]).await? {
        None => Ok(None),
        Some(row) => Ok(Some(Session { user_name: row.get("user_name")?, expires_at: row.get("expires_at")? })),
    }
}

pub async fn update_expiry(tx: &mut Tx, id_hash: &str, expires_at: Micros) -> Result<(), DbError> {
    tx.execute(UPDATE_EXPIRY, &[expires_at.into(), id_hash.into()]).await.map(drop)
}

/// Deletes a session; returns its user, if it existed.
pub async fn delete_session(tx: &mut Tx, id_hash: &str) -> Result<Option<String>, DbError> {
    tx.fetch_optional(DELETE_SESSION, &[id_hash.into()]).await?.map(|row| row.get("user_name")).transpose()
}

/// Deletes the sessions of a user whose logins began until `begun_until`, and revokes logins that are under way; returns
/// the hashes of the ids of the deleted sessions.
pub async fn delete_sessions_of_user(
    tx: &mut Tx,
    user_name: &str,
    begun_until: Micros,
) -> Result<Vec<String>, DbError> {
    let n: i64 = tx.fetch_one(NUMBER_REVOCATION, &[]).await?.get("n")?;
    tx.execute(UPSERT_REVOCATION, &[user_name.into(), n.into(), begun_until.into()]).await?;
    let rows = tx.fetch_all(DELETE_SESSIONS_OF_USER, &[user_name.into(), begun_until.into()]).await?;
    rows.iter().map(|row| row.get("id_hash")).collect()
}

/// Deletes sessions that expired before `now`; returns how many.
pub async fn delete_expired(tx: &mut Tx, now: Micros) -> Result<u64, DbError> {
    tx.execute(DELETE_EXPIRED, &[now.into()]).await
}

pub async fn has_live_session(tx: &mut Tx, user_name: &str, now: Micros) -> Result<bool, DbError> {
    let n: i64 = tx.fetch_one(COUNT_LIVE_SESSIONS, &[user_name.into(), now.into()]).await?.get("n")?;
    Ok(n > 0)
}
