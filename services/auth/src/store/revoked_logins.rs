//! Logins that ended before the tokens that were signed for them.

use service_kit::{DbError, Micros, Row, Tx};

pub const LIST: &str = "SELECT sid_hash, ended_at, tokens_end_at FROM login WHERE ended_at > $1 AND tokens_end_at > $2 \
                        ORDER BY ended_at, sid_hash";
/// Every statement, for the test that prepares them on each engine.
pub const ALL: [&str; 1] = [LIST];

/// A login whose tokens must not be accepted any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevokedLogin {
    pub sid_hash: String,
    pub ended_at: Micros,
    /// Its last token ends then.
    pub tokens_end_at: Micros,
}

/// The logins that ended after a moment and have tokens that end after `tokens_end_after`, the first ended first.
pub async fn list_revoked_logins(
    tx: &mut Tx,
    ended_after: Micros,
    tokens_end_after: Micros,
) -> Result<Vec<RevokedLogin>, DbError> {
    let map = |row: &Row| {
        Ok(RevokedLogin {
            sid_hash: row.get("sid_hash")?,
            ended_at: row.get("ended_at")?,
            tokens_end_at: row.get("tokens_end_at")?,
        })
    };
    tx.fetch_all(LIST, &[ended_after.into(), tokens_end_after.into()]).await?.iter().map(map).collect()
}
