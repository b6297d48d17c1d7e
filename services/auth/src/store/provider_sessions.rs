//! The logins at identity providers behind our logins.

use service_kit::{DbError, Micros, Tx};

pub const INSERT: &str = "INSERT INTO provider_session (sid_hash, issuer, subject_hash, session_hash, started_at) \
                          VALUES ($1, $2, $3, $4, $5)";
pub const LIST_BY_SUBJECT: &str = "SELECT sid_hash FROM provider_session WHERE issuer = $1 AND subject_hash = $2 \
                                   AND started_at <= $3 ORDER BY sid_hash";
pub const LIST_BY_SESSION: &str = "SELECT sid_hash FROM provider_session WHERE issuer = $1 AND subject_hash = $2 \
                                   AND session_hash = $3 AND started_at <= $4 ORDER BY sid_hash";
pub const LIST_BY_SESSION_ALONE: &str = "SELECT sid_hash FROM provider_session WHERE issuer = $1 AND session_hash = $2 \
                                         AND started_at <= $3 ORDER BY sid_hash";
pub const DELETE_OLD: &str = "DELETE FROM provider_session WHERE sid_hash IN (SELECT provider_session.sid_hash FROM \
                              provider_session LEFT JOIN login ON login.sid_hash = provider_session.sid_hash \
                              WHERE login.sid_hash IS NULL AND provider_session.started_at < $1 LIMIT $2)";
/// Every statement, for the test that prepares them on each engine.
pub const ALL: [&str; 5] = [INSERT, LIST_BY_SUBJECT, LIST_BY_SESSION, LIST_BY_SESSION_ALONE, DELETE_OLD];

/// Whose login at a provider it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderSessionRow {
    pub issuer: String,
    /// SHA-256 of the provider's name for the user.
    pub subject_hash: String,
    /// SHA-256 of the provider's name for the session, if it has one.
    pub session_hash: Option<String>,
}

pub async fn insert_session(tx: &mut Tx, sid_hash: &str, row: &ProviderSessionRow, now: Micros) -> Result<(), DbError> {
    let vals = [
        sid_hash.into(),
        row.issuer.as_str().into(),
        row.subject_hash.as_str().into(),
        row.session_hash.clone().into(),
        now.into(),
    ];
    tx.execute(INSERT, &vals).await.map(drop)
}

/// The logins of a user or of one session of a provider that began by a moment; of neither there are none.
pub async fn list_logins(
    tx: &mut Tx,
    issuer: &str,
    subject_hash: Option<&str>,
    session_hash: Option<&str>,
    before: Micros,
) -> Result<Vec<String>, DbError> {
    let rows = match (subject_hash, session_hash) {
        (Some(subject), Some(session)) => {
            tx.fetch_all(LIST_BY_SESSION, &[issuer.into(), subject.into(), session.into(), before.into()]).await?
        }
        (Some(subject), None) => tx.fetch_all(LIST_BY_SUBJECT, &[issuer.into(), subject.into(), before.into()]).await?,
        (None, Some(session)) => {
            tx.fetch_all(LIST_BY_SESSION_ALONE, &[issuer.into(), session.into(), before.into()]).await?
        }
        (None, None) => return Ok(Vec::new()),
    };
    rows.iter().map(|row| row.get("sid_hash")).collect()
}

/// Deletes at most `limit` rows whose logins are deleted; returns how many.
pub async fn delete_old_sessions(tx: &mut Tx, before: Micros, limit: i64) -> Result<u64, DbError> {
    tx.execute(DELETE_OLD, &[before.into(), limit.into()]).await
}
