//! Refresh tokens, by their SHA-256. Used ones are kept until their login is deleted.

use service_kit::{DbError, Micros, Tx};

pub const INSERT: &str =
    "INSERT INTO refresh_token (token_hash, sid_hash, sealed_sid, issued_at) VALUES ($1, $2, $3, $4)";
pub const FIND: &str = "SELECT sid_hash, sealed_sid, consumed_at FROM refresh_token WHERE token_hash = $1";
pub const CONSUME: &str = "UPDATE refresh_token SET consumed_at = $1 WHERE token_hash = $2 AND consumed_at IS NULL";
/// Every statement, for the test that prepares them on each engine.
pub const ALL: [&str; 3] = [INSERT, FIND, CONSUME];

/// A token as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefreshTokenRow {
    pub sid_hash: String,
    /// The `sid` of the login, encrypted.
    pub sealed_sid: Vec<u8>,
    pub consumed_at: Option<Micros>,
}

pub async fn insert_token(
    tx: &mut Tx,
    token_hash: &str,
    sid_hash: &str,
    sealed_sid: &[u8],
    now: Micros,
) -> Result<(), DbError> {
    tx.execute(INSERT, &[token_hash.into(), sid_hash.into(), sealed_sid.to_vec().into(), now.into()]).await.map(drop)
}

pub async fn find_token(tx: &mut Tx, token_hash: &str) -> Result<Option<RefreshTokenRow>, DbError> {
    let Some(row) = tx.fetch_optional(FIND, &[token_hash.into()]).await? else { return Ok(None) };
    Ok(Some(RefreshTokenRow {
        sid_hash: row.get("sid_hash")?,
        sealed_sid: row.get("sealed_sid")?,
        consumed_at: row.get("consumed_at")?,
    }))
}

/// Marks a token as used; the first use counts.
pub async fn consume_token(tx: &mut Tx, token_hash: &str, now: Micros) -> Result<(), DbError> {
    tx.execute(CONSUME, &[now.into(), token_hash.into()]).await.map(drop)
}
