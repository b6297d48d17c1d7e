//! Scheduled checks of files that may have no datafile.

use service_kit::{DbError, Micros, Tx};

const SCHEDULE: &str = "INSERT INTO unclaimed (location, temporary, due_at) VALUES ($1, $2, $3) \
                    ON CONFLICT (location) DO UPDATE SET due_at = excluded.due_at";
const LIST_DUE: &str =
    "SELECT location, temporary FROM unclaimed WHERE due_at <= $1 ORDER BY due_at, location LIMIT 100";
const DELETE: &str = "DELETE FROM unclaimed WHERE location = $1";
/// Every statement, for the test that prepares them on each engine.
pub const ALL: [&str; 3] = [SCHEDULE, LIST_DUE, DELETE];

/// A file that may have no datafile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PossibleOrphan {
    pub location: String,
    /// The temporary name of an upload, which no datafile ever has.
    pub temporary: bool,
}

/// Schedules the check of a file, or postpones the scheduled one.
pub async fn schedule_check(tx: &mut Tx, file: &PossibleOrphan, due_at: Micros) -> Result<(), DbError> {
    tx.execute(SCHEDULE, &[(&file.location).into(), file.temporary.into(), due_at.into()]).await.map(drop)
}

/// Up to 100 files whose check is due.
pub async fn list_due_files(tx: &mut Tx, now: Micros) -> Result<Vec<PossibleOrphan>, DbError> {
    let rows = tx.fetch_all(LIST_DUE, &[now.into()]).await?;
    rows.iter()
        .map(|row| Ok(PossibleOrphan { location: row.get("location")?, temporary: row.get("temporary")? }))
        .collect()
}

pub async fn delete_check(tx: &mut Tx, location: &str) -> Result<(), DbError> {
    tx.execute(DELETE, &[location.into()]).await.map(drop)
}
