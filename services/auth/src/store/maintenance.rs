//! What portals show about maintenance.

use service_kit::{DbError, Micros, Tx};

use crate::domain::maintenance::{MaintenanceKind, MaintenanceState};

pub const FIND: &str = "SELECT shown, message, severity FROM maintenance WHERE kind = $1";
pub const UPSERT: &str = "INSERT INTO maintenance (kind, shown, message, severity, changed_at, changed_by) \
                          VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (kind) DO UPDATE SET shown = excluded.shown, \
                          message = excluded.message, severity = excluded.severity, \
                          changed_at = excluded.changed_at, changed_by = excluded.changed_by";
/// Every statement, for the test that prepares them on each engine.
pub const ALL: [&str; 2] = [FIND, UPSERT];

/// `None` if it was never set.
pub async fn find_state(tx: &mut Tx, kind: MaintenanceKind) -> Result<Option<MaintenanceState>, DbError> {
    let Some(row) = tx.fetch_optional(FIND, &[kind.as_str().into()]).await? else { return Ok(None) };
    let shown: i64 = row.get("shown")?;
    Ok(Some(MaintenanceState { show: shown != 0, message: row.get("message")?, severity: row.get("severity")? }))
}

pub async fn store_state(
    tx: &mut Tx,
    kind: MaintenanceKind,
    state: &MaintenanceState,
    now: Micros,
    user_name: &str,
) -> Result<(), DbError> {
    let vals = [
        kind.as_str().into(),
        state.show.into(),
        state.message.as_str().into(),
        state.severity.as_str().into(),
        now.into(),
        user_name.into(),
    ];
    tx.execute(UPSERT, &vals).await.map(drop)
}
