//! Files that a prepared selection was prepared without.

use service_kit::{DbError, Row, Tx, Val};

use crate::manifest::Missing;

const LIST: &str = "SELECT datafile, name, size, reason FROM prepared_missing WHERE prepared_id = $1 ORDER BY place";
const PURGE: &str = "DELETE FROM prepared_missing WHERE prepared_id IN (SELECT id FROM prepared WHERE expires_at < $1)";
const INSERT: &str = "INSERT INTO prepared_missing (prepared_id, place, datafile, name, size, reason) VALUES ";
/// Every statement of fixed text, for the test that prepares them on each engine.
pub const ALL: [&str; 2] = [LIST, PURGE];

const ROWS_PER_INSERT: usize = 50;
const COLUMNS: usize = 6;

pub async fn create(tx: &mut Tx, prepared: &str, files: &[Missing]) -> Result<(), DbError> {
    for (chunk, files) in files.chunks(ROWS_PER_INSERT).enumerate() {
        let mut vals: Vec<Val> = Vec::with_capacity(files.len() * COLUMNS);
        for (n, Missing { datafile, name, size, reason }) in files.iter().enumerate() {
            let place = i64::try_from(chunk * ROWS_PER_INSERT + n).unwrap_or(i64::MAX);
            vals.extend([prepared.into(), place.into(), (*datafile).into(), name.into()]);
            vals.extend([(*size).into(), reason.into()]);
        }
        tx.execute(&insert(files.len()), &vals).await?;
    }
    Ok(())
}

/// In the order of their datafiles' ids.
pub async fn list(tx: &mut Tx, prepared: &str) -> Result<Vec<Missing>, DbError> {
    let rows = tx.fetch_all(LIST, &[prepared.into()]).await?;
    let one = |row: &Row| {
        Ok(Missing {
            datafile: row.get("datafile")?,
            name: row.get("name")?,
            size: row.get("size")?,
            reason: row.get("reason")?,
        })
    };
    rows.iter().map(one).collect()
}

/// Forgets those of selections that had expired before a moment; before the selections themselves.
pub async fn purge(tx: &mut Tx, before: i64) -> Result<u64, DbError> {
    tx.execute(PURGE, &[before.into()]).await
}

/// A statement for so many rows; also for the test that prepares it.
pub fn insert(rows: usize) -> String {
    let row = |n: usize| {
        let places: Vec<String> = (1..=COLUMNS).map(|column| format!("${}", n * COLUMNS + column)).collect();
        format!("({})", places.join(", "))
    };
    format!("{INSERT}{}", (0..rows).map(row).collect::<Vec<_>>().join(", "))
}
