//! Tokens that are accepted once.

use service_kit::{DbError, Micros, Tx};

pub const INSERT: &str = "INSERT INTO used_token (token_hash, expires_at) VALUES ($1, $2) ON CONFLICT DO NOTHING";
pub const DELETE_OLD: &str = "DELETE FROM used_token WHERE token_hash IN (SELECT token_hash FROM used_token \
                              WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)";
/// Every statement, for the test that prepares them on each engine.
pub const ALL: [&str; 2] = [INSERT, DELETE_OLD];

/// Whether this is the first use of the token with this SHA-256, on whatever replica.
pub async fn use_token(tx: &mut Tx, token_hash: &str, expires_at: Micros) -> Result<bool, DbError> {
    Ok(tx.execute(INSERT, &[token_hash.into(), expires_at.into()]).await? == 1)
}

/// Deletes at most `limit` tokens that expired before a moment; returns how many.
pub async fn delete_old_tokens(tx: &mut Tx, before: Micros, limit: i64) -> Result<u64, DbError> {
    tx.execute(DELETE_OLD, &[before.into(), limit.into()]).await
}
