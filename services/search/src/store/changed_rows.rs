//! Rows of the catalogue that are to be read again.

use service_kit::{DbError, Tx};

const RECORD: &str = "INSERT INTO changed_row (entity, row_id, version) VALUES ($1, $2, 1) \
                      ON CONFLICT (entity, row_id) DO UPDATE SET version = changed_row.version + 1";
const LIST: &str = "SELECT entity, row_id, version FROM changed_row ORDER BY entity, row_id LIMIT $1";
const DELETE: &str = "DELETE FROM changed_row WHERE entity = $1 AND row_id = $2 AND version = $3";
const COUNT: &str = "SELECT COUNT(*) AS waiting FROM changed_row";
/// Every statement, for the test that prepares them on each engine.
pub const ALL: [&str; 4] = [RECORD, LIST, DELETE, COUNT];

/// A row that was changed, and how often since it was read last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedRow {
    pub entity: String,
    pub id: i64,
    pub version: i64,
}

pub async fn record_changed_rows(tx: &mut Tx, entity: &str, ids: &[i64]) -> Result<(), DbError> {
    for id in ids {
        tx.execute(RECORD, &[entity.into(), (*id).into()]).await?;
    }
    Ok(())
}

/// The first rows by entity and id.
pub async fn list_changed_rows(tx: &mut Tx, limit: i64) -> Result<Vec<ChangedRow>, DbError> {
    let rows = tx.fetch_all(LIST, &[limit.into()]).await?;
    let row = |row: &service_kit::Row| {
        Ok(ChangedRow { entity: row.get("entity")?, id: row.get("row_id")?, version: row.get("version")? })
    };
    rows.iter().map(row).collect()
}

/// Deletes rows that have not changed again.
pub async fn delete_changed_rows(tx: &mut Tx, rows: &[ChangedRow]) -> Result<(), DbError> {
    for row in rows {
        tx.execute(DELETE, &[row.entity.as_str().into(), row.id.into(), row.version.into()]).await?;
    }
    Ok(())
}

pub async fn count_changed_rows(tx: &mut Tx) -> Result<i64, DbError> {
    tx.fetch_one(COUNT, &[]).await?.get("waiting")
}
