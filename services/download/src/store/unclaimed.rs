//! Files that may have no datafile.

use service_kit::{DbError, Tx};

const NOTE: &str = "INSERT INTO unclaimed (location, temporary, due_at) VALUES ($1, $2, $3) \
                    ON CONFLICT (location) DO UPDATE SET due_at = excluded.due_at";
const DUE: &str = "SELECT location, temporary FROM unclaimed WHERE due_at <= $1 ORDER BY due_at, location LIMIT 100";
const DONE: &str = "DELETE FROM unclaimed WHERE location = $1";
/// Every statement, for the test that prepares them on each engine.
pub const ALL: [&str; 3] = [NOTE, DUE, DONE];

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unclaimed {
    pub location: String,
    /// Ours, and never told to the catalogue.
    pub temporary: bool,
}

/// Notes a file, or puts off the look at it.
pub async fn note(tx: &mut Tx, file: &Unclaimed, due_at: i64) -> Result<(), DbError> {
    tx.execute(NOTE, &[(&file.location).into(), file.temporary.into(), due_at.into()]).await.map(drop)
}

/// Some of those whose time has come.
pub async fn due(tx: &mut Tx, now: i64) -> Result<Vec<Unclaimed>, DbError> {
    let rows = tx.fetch_all(DUE, &[now.into()]).await?;
    rows.iter().map(|row| Ok(Unclaimed { location: row.get("location")?, temporary: row.get("temporary")? })).collect()
}

pub async fn done(tx: &mut Tx, location: &str) -> Result<(), DbError> {
    tx.execute(DONE, &[location.into()]).await.map(drop)
}
