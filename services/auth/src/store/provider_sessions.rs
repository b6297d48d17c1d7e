//! The logins at identity providers behind our logins.

use service_kit::{DbError, Micros, Tx};

use crate::domain::provider_session::ProviderSession;

pub const INSERT: &str = "INSERT INTO provider_session (sid_hash, issuer, subject_hash, session_hash, started_at, \
                          sealed_id_token) VALUES ($1, $2, $3, $4, $5, $6)";
pub const FIND_ID_TOKEN: &str = "SELECT sealed_id_token FROM provider_session WHERE sid_hash = $1";
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
pub const ALL: [&str; 6] = [INSERT, FIND_ID_TOKEN, LIST_BY_SUBJECT, LIST_BY_SESSION, LIST_BY_SESSION_ALONE, DELETE_OLD];

/// Stores whose login at a provider is behind a login of ours; `sealed_id_token` is its ID token, encrypted.
pub async fn insert_session(
    tx: &mut Tx,
    sid_hash: &str,
    session: &ProviderSession,
    sealed_id_token: Option<Vec<u8>>,
    now: Micros,
) -> Result<(), DbError> {
    let vals = [
        sid_hash.into(),
        session.issuer.as_str().into(),
        session.subject_hash.as_str().into(),
        session.session_hash.clone().into(),
        now.into(),
        sealed_id_token.into(),
    ];
    tx.execute(INSERT, &vals).await.map(drop)
}

/// The encrypted ID token of a login, if there is one.
pub async fn find_sealed_id_token(tx: &mut Tx, sid_hash: &str) -> Result<Option<Vec<u8>>, DbError> {
    let row = tx.fetch_optional(FIND_ID_TOKEN, &[sid_hash.into()]).await?;
    row.map_or(Ok(None), |row| row.get("sealed_id_token"))
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
