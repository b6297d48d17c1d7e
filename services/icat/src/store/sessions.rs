//! Sessions: who is logged in until when.

use service_kit::{DbError, Tx};

pub const CREATE: &str = "INSERT INTO session (id_hash, user_name, expires_at, created_at) VALUES ($1, $2, $3, $4)";
pub const FIND: &str = "SELECT user_name, expires_at FROM session WHERE id_hash = $1";
pub const REFRESH: &str = "UPDATE session SET expires_at = $1 WHERE id_hash = $2";
pub const END: &str = "DELETE FROM session WHERE id_hash = $1 RETURNING user_name";
pub const END_ALL_OF: &str = "DELETE FROM session WHERE user_name = $1 AND created_at <= $2 RETURNING id_hash";
pub const PURGE: &str = "DELETE FROM session WHERE expires_at < $1";
pub const LOGGED_IN: &str = "SELECT COUNT(*) AS n FROM session WHERE user_name = $1 AND expires_at >= $2";
/// Every statement, for the test that prepares them on each engine.
pub const ALL: [&str; 7] = [CREATE, FIND, REFRESH, END, END_ALL_OF, PURGE, LOGGED_IN];

/// A stored session; times in microseconds UTC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    pub user_name: String,
    pub expires_at: i64,
}

pub async fn create(tx: &mut Tx, id_hash: &str, session: &Session, now: i64) -> Result<(), DbError> {
    let vals = [id_hash.into(), session.user_name.as_str().into(), session.expires_at.into(), now.into()];
    tx.exec(CREATE, &vals).await.map(drop)
}

pub async fn find(tx: &mut Tx, id_hash: &str) -> Result<Option<Session>, DbError> {
    match tx.opt(FIND, &[id_hash.into()]).await? {
        None => Ok(None),
        Some(row) => Ok(Some(Session { user_name: row.get("user_name")?, expires_at: row.get("expires_at")? })),
    }
}

pub async fn refresh(tx: &mut Tx, id_hash: &str, expires_at: i64) -> Result<(), DbError> {
    tx.exec(REFRESH, &[expires_at.into(), id_hash.into()]).await.map(drop)
}

/// Whose session it was, if there was one.
pub async fn end(tx: &mut Tx, id_hash: &str) -> Result<Option<String>, DbError> {
    tx.opt(END, &[id_hash.into()]).await?.map(|row| row.get("user_name")).transpose()
}

/// Ends the sessions of a user that began until `created_at`; the hashes of their ids.
pub async fn end_all_of(tx: &mut Tx, user_name: &str, created_at: i64) -> Result<Vec<String>, DbError> {
    let rows = tx.all(END_ALL_OF, &[user_name.into(), created_at.into()]).await?;
    rows.iter().map(|row| row.get("id_hash")).collect()
}

/// Removes what expired before `now`; how many there were.
pub async fn purge(tx: &mut Tx, now: i64) -> Result<u64, DbError> {
    tx.exec(PURGE, &[now.into()]).await
}

pub async fn logged_in(tx: &mut Tx, user_name: &str, now: i64) -> Result<bool, DbError> {
    let n: i64 = tx.one(LOGGED_IN, &[user_name.into(), now.into()]).await?.get("n")?;
    Ok(n > 0)
}
