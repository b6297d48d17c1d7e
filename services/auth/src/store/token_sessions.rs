//! The ICAT sessions behind access tokens; what is stored tells neither of them.

use service_kit::{DbError, Tx};

pub const CREATE: &str = "INSERT INTO token_session (sid_hash, sealed, expires_at, user_name, session_hash) \
                          VALUES ($1, $2, $3, $4, $5)";
pub const FIND: &str = "SELECT sealed, expires_at FROM token_session WHERE sid_hash = $1";
pub const END: &str = "DELETE FROM token_session WHERE sid_hash = $1";
pub const END_ALL_OF: &str = "DELETE FROM token_session WHERE user_name = $1 RETURNING session_hash";
pub const PURGE: &str = "DELETE FROM token_session WHERE expires_at < $1";
/// Every statement, for the test that prepares them on each engine.
pub const ALL: [&str; 5] = [CREATE, FIND, END, END_ALL_OF, PURGE];

/// A stored session; the time in microseconds UTC.
pub struct Row {
    pub sealed: Vec<u8>,
    pub expires_at: i64,
}

/// Whose session it is: the ICAT user name, and SHA-256 of the session id.
pub struct Owner<'a> {
    pub user_name: &'a str,
    pub session_hash: &'a str,
}

pub async fn create(tx: &mut Tx, sid_hash: &str, row: &Row, owner: &Owner<'_>) -> Result<(), DbError> {
    let vals = [
        sid_hash.into(),
        row.sealed.clone().into(),
        row.expires_at.into(),
        owner.user_name.into(),
        owner.session_hash.into(),
    ];
    tx.execute(CREATE, &vals).await.map(drop)
}

pub async fn find(tx: &mut Tx, sid_hash: &str) -> Result<Option<Row>, DbError> {
    match tx.fetch_optional(FIND, &[sid_hash.into()]).await? {
        None => Ok(None),
        Some(row) => Ok(Some(Row { sealed: row.get("sealed")?, expires_at: row.get("expires_at")? })),
    }
}

/// Whether there was one.
pub async fn end(tx: &mut Tx, sid_hash: &str) -> Result<bool, DbError> {
    Ok(tx.execute(END, &[sid_hash.into()]).await? > 0)
}

/// Removes all sessions of a user; the hashes of their ids, each once.
pub async fn end_all_of(tx: &mut Tx, user_name: &str) -> Result<Vec<String>, DbError> {
    let rows = tx.fetch_all(END_ALL_OF, &[user_name.into()]).await?;
    let mut hashes = rows.iter().map(|row| row.get("session_hash")).collect::<Result<Vec<String>, DbError>>()?;
    hashes.sort_unstable();
    hashes.dedup();
    Ok(hashes)
}

/// Removes what expired before `now`; how many there were.
pub async fn purge(tx: &mut Tx, now: i64) -> Result<u64, DbError> {
    tx.execute(PURGE, &[now.into()]).await
}
