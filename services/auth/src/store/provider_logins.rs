//! Logins that browsers were sent to identity providers for.

use service_kit::{DbError, Micros, Tx};

pub const INSERT: &str = "INSERT INTO provider_login (state_hash, browser_hash, provider, return_to, session_kind, sealed, \
                          acr_values, max_age, started_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
pub const FIND: &str = "SELECT browser_hash, provider, return_to, session_kind, sealed, acr_values, max_age, started_at, \
                        used_at FROM provider_login WHERE state_hash = $1";
pub const USE: &str = "UPDATE provider_login SET used_at = $1 WHERE state_hash = $2 AND used_at IS NULL";
pub const DELETE_OLD: &str = "DELETE FROM provider_login WHERE state_hash IN (SELECT state_hash FROM provider_login \
                              WHERE started_at < $1 ORDER BY started_at LIMIT $2)";
/// Every statement, for the test that prepares them on each engine.
pub const ALL: [&str; 4] = [INSERT, FIND, USE, DELETE_OLD];

/// A login that is under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderLoginRow {
    /// SHA-256 of the secret in the browser's cookie.
    pub browser_hash: String,
    pub provider: String,
    pub return_to: String,
    pub session_kind: String,
    /// Nonce and verifier, encrypted.
    pub sealed: Vec<u8>,
    /// A JSON list.
    pub acr_values: String,
    /// In seconds.
    pub max_age: Option<i64>,
    pub started_at: Micros,
    pub used_at: Option<Micros>,
}

pub async fn insert_login(tx: &mut Tx, state_hash: &str, row: &ProviderLoginRow) -> Result<(), DbError> {
    let vals = [
        state_hash.into(),
        row.browser_hash.as_str().into(),
        row.provider.as_str().into(),
        row.return_to.as_str().into(),
        row.session_kind.as_str().into(),
        row.sealed.clone().into(),
        row.acr_values.as_str().into(),
        row.max_age.into(),
        row.started_at.into(),
    ];
    tx.execute(INSERT, &vals).await.map(drop)
}

pub async fn find_login(tx: &mut Tx, state_hash: &str) -> Result<Option<ProviderLoginRow>, DbError> {
    let Some(row) = tx.fetch_optional(FIND, &[state_hash.into()]).await? else { return Ok(None) };
    Ok(Some(ProviderLoginRow {
        browser_hash: row.get("browser_hash")?,
        provider: row.get("provider")?,
        return_to: row.get("return_to")?,
        session_kind: row.get("session_kind")?,
        sealed: row.get("sealed")?,
        acr_values: row.get("acr_values")?,
        max_age: row.get("max_age")?,
        started_at: row.get("started_at")?,
        used_at: row.get("used_at")?,
    }))
}

/// Whether this is the first use.
pub async fn use_login(tx: &mut Tx, state_hash: &str, now: Micros) -> Result<bool, DbError> {
    Ok(tx.execute(USE, &[now.into(), state_hash.into()]).await? == 1)
}

/// Deletes at most `limit` logins that were started before a moment; returns how many.
pub async fn delete_old_logins(tx: &mut Tx, before: Micros, limit: i64) -> Result<u64, DbError> {
    tx.execute(DELETE_OLD, &[before.into(), limit.into()]).await
}
