//! Refresh tokens, by their SHA-256. Used ones are kept until their login is deleted.

use service_kit::{DbError, Micros, Tx};

use crate::domain::renewal::RetiredTokens;

pub const INSERT: &str =
    "INSERT INTO refresh_token (token_hash, sid_hash, sealed_sid, issued_at) VALUES ($1, $2, $3, $4)";
pub const FIND: &str = "SELECT sid_hash, sealed_sid, consumed_at FROM refresh_token WHERE token_hash = $1";
pub const CONSUME: &str = "UPDATE refresh_token SET consumed_at = $1 WHERE sid_hash = $2 AND consumed_at IS NULL \
                           AND (token_hash = $3 OR issued_at < $4 OR issued_at > $5)";
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

/// Marks a token of a login as used, and with it those that its use retires. What was marked before stays as it is.
pub async fn consume_tokens(
    tx: &mut Tx,
    sid_hash: &str,
    token_hash: &str,
    retired: RetiredTokens,
    now: Micros,
) -> Result<(), DbError> {
    let RetiredTokens { issued_before, issued_after } = retired;
    let vals = [now.into(), sid_hash.into(), token_hash.into(), issued_before.into(), issued_after.into()];
    tx.execute(CONSUME, &vals).await.map(drop)
}
