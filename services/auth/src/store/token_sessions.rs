//! The ICAT sessions behind access tokens; what is stored tells neither of them.

use service_kit::{DbError, Tx};

pub const CREATE: &str = "INSERT INTO token_session (sid_hash, sealed, expires_at) VALUES ($1, $2, $3)";
pub const FIND: &str = "SELECT sealed, expires_at FROM token_session WHERE sid_hash = $1";
pub const END: &str = "DELETE FROM token_session WHERE sid_hash = $1";
pub const PURGE: &str = "DELETE FROM token_session WHERE expires_at < $1";
/// Every statement, for the test that prepares them on each engine.
pub const ALL: [&str; 4] = [CREATE, FIND, END, PURGE];

/// A stored session; the time in microseconds UTC.
pub struct Row {
    pub sealed: Vec<u8>,
    pub expires_at: i64,
}

pub async fn create(tx: &mut Tx, sid_hash: &str, row: &Row) -> Result<(), DbError> {
    let vals = [sid_hash.into(), row.sealed.clone().into(), row.expires_at.into()];
    tx.exec(CREATE, &vals).await.map(drop)
}

pub async fn find(tx: &mut Tx, sid_hash: &str) -> Result<Option<Row>, DbError> {
    match tx.opt(FIND, &[sid_hash.into()]).await? {
        None => Ok(None),
        Some(row) => Ok(Some(Row { sealed: row.get("sealed")?, expires_at: row.get("expires_at")? })),
    }
}

/// Whether there was one.
pub async fn end(tx: &mut Tx, sid_hash: &str) -> Result<bool, DbError> {
    Ok(tx.exec(END, &[sid_hash.into()]).await? > 0)
}

/// Removes what expired before `now`; how many there were.
pub async fn purge(tx: &mut Tx, now: i64) -> Result<u64, DbError> {
    tx.exec(PURGE, &[now.into()]).await
}
