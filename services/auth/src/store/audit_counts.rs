//! How often the same was to be recorded in the audit log within an hour.

use service_kit::{DbError, Micros, Row, Tx};

use super::batches::MAX_DELETED_ROWS;
use crate::domain::audit::{AuditEntry, find_hour};

pub const COUNT: &str = "INSERT INTO audit_count (hour, kind, reason, user_name, network, entries) \
                         VALUES ($1, $2, $3, $4, $5, 1) \
                         ON CONFLICT (hour, kind, reason, user_name, network) \
                         DO UPDATE SET entries = audit_count.entries + 1 RETURNING entries";
pub const LIST: &str = "SELECT reason, user_name, entries FROM audit_count WHERE hour = $1 \
                        ORDER BY reason, user_name, entries";
pub const DELETE_OLD: &str = "DELETE FROM audit_count WHERE (hour, kind, reason, user_name, network) IN \
                              (SELECT hour, kind, reason, user_name, network FROM audit_count WHERE hour < $1 LIMIT $2)";
/// Every statement, for the test that prepares them on each engine.
pub const ALL: [&str; 3] = [COUNT, LIST, DELETE_OLD];

/// Counts an entry with those of its hour, kind, reason, user and network; returns how many there are now.
pub async fn count_entry(tx: &mut Tx, now: Micros, entry: &AuditEntry<'_>) -> Result<i64, DbError> {
    let vals = [
        find_hour(now).into(),
        entry.kind.as_str().into(),
        entry.reason.into(),
        entry.counted_user_name().into(),
        entry.origin.network_text().unwrap_or_default().into(),
    ];
    tx.fetch_optional(COUNT, &vals).await?.ok_or(DbError::NoRow)?.get("entries")
}

/// Everything that was counted in an hour: reason, user name, and how often, sorted by these.
pub async fn list_counts(tx: &mut Tx, hour: Micros) -> Result<Vec<(String, String, i64)>, DbError> {
    let map = |row: &Row| Ok((row.get("reason")?, row.get("user_name")?, row.get("entries")?));
    tx.fetch_all(LIST, &[hour.into()]).await?.iter().map(map).collect()
}

/// Deletes some of the counts from before an hour; returns how many.
pub async fn delete_old_counts(tx: &mut Tx, before: Micros) -> Result<u64, DbError> {
    tx.execute(DELETE_OLD, &[before.into(), i64::from(MAX_DELETED_ROWS).into()]).await
}
