//! Files that prepared selections lack.

use service_kit::{DbError, Micros, Row, Tx, Val};

use crate::domain::manifest_entry::MissingFile;

const LIST: &str = "SELECT datafile, name, size, reason FROM prepared_missing WHERE prepared_id = $1 ORDER BY place";
const DELETE_EXPIRED: &str =
    "DELETE FROM prepared_missing WHERE prepared_id IN (SELECT id FROM prepared WHERE expires_at < $1)";
const INSERT: &str = "INSERT INTO prepared_missing (prepared_id, place, datafile, name, size, reason) VALUES ";
/// Every statement of fixed text, for the test that prepares them on each engine.
pub const ALL: [&str; 2] = [LIST, DELETE_EXPIRED];

const ROWS_PER_INSERT: usize = 50;
const COLUMNS: usize = 6;

pub async fn create_missing_files(tx: &mut Tx, prepared: &str, files: &[MissingFile]) -> Result<(), DbError> {
    for (chunk, files) in files.chunks(ROWS_PER_INSERT).enumerate() {
        let mut vals: Vec<Val> = Vec::with_capacity(files.len() * COLUMNS);
        for (n, MissingFile { datafile, name, size, reason }) in files.iter().enumerate() {
            let index = i64::try_from(chunk * ROWS_PER_INSERT + n).unwrap_or(i64::MAX);
            vals.extend([prepared.into(), index.into(), (*datafile).into(), name.into()]);
            vals.extend([(*size).into(), reason.into()]);
        }
        tx.execute(&render_insert(files.len()), &vals).await?;
    }
    Ok(())
}

/// The missing files of a prepared selection, by the ids of their datafiles.
pub async fn list_missing_files(tx: &mut Tx, prepared: &str) -> Result<Vec<MissingFile>, DbError> {
    let rows = tx.fetch_all(LIST, &[prepared.into()]).await?;
    let map = |row: &Row| {
        Ok(MissingFile {
            datafile: row.get("datafile")?,
            name: row.get("name")?,
            size: row.get("size")?,
            reason: row.get("reason")?,
        })
    };
    rows.iter().map(map).collect()
}

/// Deletes the missing files of selections that expired before a moment; call it before the selections are deleted.
pub async fn delete_expired(tx: &mut Tx, before: Micros) -> Result<u64, DbError> {
    tx.execute(DELETE_EXPIRED, &[before.into()]).await
}

/// The statement that inserts this many rows; public for the test that prepares it.
pub fn render_insert(rows: usize) -> String {
    let row = |n: usize| {
        let places: Vec<String> = (1..=COLUMNS).map(|column| format!("${}", n * COLUMNS + column)).collect();
        format!("({})", places.join(", "))
    };
    format!("{INSERT}{}", (0..rows).map(row).collect::<Vec<_>>().join(", "))
}
