//! Logouts at identity providers, kept for as long as a login that they concern may still be under way.

use service_kit::{DbError, Micros, Tx};

use crate::domain::provider_session::ProviderSession;

pub const INSERT: &str = "INSERT INTO provider_logout (token_hash, issuer, subject_hash, session_hash, logged_out_at, stored_at) \
                          VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING";
/// A logout that names no user is of a session, one that names no session is of all sessions of its user.
/// A session does not come back. A user may, within the same second.
pub const FIND: &str = "SELECT token_hash FROM provider_logout WHERE issuer = $1 AND logged_out_at >= $2 \
                        AND (subject_hash = $3 OR subject_hash IS NULL) \
                        AND (session_hash = $4 OR session_hash IS NULL AND logged_out_at > $2) LIMIT 1";
pub const DELETE_OLD: &str = "DELETE FROM provider_logout WHERE token_hash IN (SELECT token_hash FROM provider_logout \
                              WHERE stored_at < $1 ORDER BY stored_at LIMIT $2)";
/// Every statement, for the test that prepares them on each engine.
pub const ALL: [&str; 3] = [INSERT, FIND, DELETE_OLD];

/// A logout as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderLogoutRow {
    /// SHA-256 of issuer and name of the logout token.
    pub token_hash: String,
    pub issuer: String,
    pub subject_hash: Option<String>,
    pub session_hash: Option<String>,
    /// By the provider's clock.
    pub logged_out_at: Micros,
    pub stored_at: Micros,
}

/// Stores a logout; a repetition changes nothing.
pub async fn insert_logout(tx: &mut Tx, row: &ProviderLogoutRow) -> Result<(), DbError> {
    let vals = [
        row.token_hash.as_str().into(),
        row.issuer.as_str().into(),
        row.subject_hash.clone().into(),
        row.session_hash.clone().into(),
        row.logged_out_at.into(),
        row.stored_at.into(),
    ];
    tx.execute(INSERT, &vals).await.map(drop)
}

/// Whether a session has been logged out since its ID token was issued. Both times are of the provider's clock.
pub async fn is_logged_out(tx: &mut Tx, session: &ProviderSession) -> Result<bool, DbError> {
    let ProviderSession { issuer, subject_hash, session_hash, issued_at, .. } = session;
    let vals = [issuer.as_str().into(), (*issued_at).into(), subject_hash.as_str().into(), session_hash.clone().into()];
    Ok(tx.fetch_optional(FIND, &vals).await?.is_some())
}

/// Deletes at most `limit` logouts that were stored before a moment; returns how many.
pub async fn delete_old_logouts(tx: &mut Tx, before: Micros, limit: i64) -> Result<u64, DbError> {
    tx.execute(DELETE_OLD, &[before.into(), limit.into()]).await
}
