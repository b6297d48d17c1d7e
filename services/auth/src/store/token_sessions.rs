//! The ICAT sessions behind access tokens. The rows reveal neither the tokens nor the session ids.

use service_kit::{DbError, Micros, Tx};

pub const CREATE: &str = "INSERT INTO token_session (sid_hash, sealed, expires_at, user_name, session_hash) \
                          VALUES ($1, $2, $3, $4, $5)";
pub const FIND: &str = "SELECT sealed, expires_at FROM token_session WHERE sid_hash = $1";
pub const DELETE: &str = "DELETE FROM token_session WHERE sid_hash = $1";
pub const DELETE_OF_USER: &str = "DELETE FROM token_session WHERE user_name = $1 RETURNING session_hash";
pub const DELETE_EXPIRED: &str = "DELETE FROM token_session WHERE expires_at < $1";
/// Every statement, for the test that prepares them on each engine.
pub const ALL: [&str; 5] = [CREATE, FIND, DELETE, DELETE_OF_USER, DELETE_EXPIRED];

/// A stored session.
pub struct TokenSessionRow {
    pub sealed: Vec<u8>,
    pub expires_at: Micros,
}

/// The owner of a session: the ICAT user name, and SHA-256 of the session id.
pub struct SessionOwner<'a> {
    pub user_name: &'a str,
    pub session_hash: &'a str,
}

pub async fn insert_token_session(
    tx: &mut Tx,
    sid_hash: &str,
    row: &TokenSessionRow,
    owner: &SessionOwner<'_>,
) -> Result<(), DbError> {
    let vals = [
        sid_hash.into(),
        row.sealed.clone().into(),
        row.expires_at.into(),
        owner.user_name.into(),
        owner.session_hash.into(),
    ];
    tx.execute(CREATE, &vals).await.map(drop)
}

pub async fn find_token_session(tx: &mut Tx, sid_hash: &str) -> Result<Option<TokenSessionRow>, DbError> {
    match tx.fetch_optional(FIND, &[sid_hash.into()]).await? {
        None => Ok(None),
        Some(row) => Ok(Some(TokenSessionRow { sealed: row.get("sealed")?, expires_at: row.get("expires_at")? })),
    }
}

/// False if there was none.
pub async fn delete_token_session(tx: &mut Tx, sid_hash: &str) -> Result<bool, DbError> {
    Ok(tx.execute(DELETE, &[sid_hash.into()]).await? > 0)
}

/// Deletes all sessions of a user; the hashes of their ids without duplicates.
pub async fn delete_token_sessions_of_user(tx: &mut Tx, user_name: &str) -> Result<Vec<String>, DbError> {
    let rows = tx.fetch_all(DELETE_OF_USER, &[user_name.into()]).await?;
    let mut hashes = rows.iter().map(|row| row.get("session_hash")).collect::<Result<Vec<String>, DbError>>()?;
    hashes.sort_unstable();
    hashes.dedup();
    Ok(hashes)
}

/// Deletes the sessions that expired before `now`; how many.
pub async fn delete_expired(tx: &mut Tx, now: Micros) -> Result<u64, DbError> {
    tx.execute(DELETE_EXPIRED, &[now.into()]).await
}
