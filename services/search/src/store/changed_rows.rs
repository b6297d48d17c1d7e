//! Rows of the catalogue that are to be read again.

use std::collections::BTreeMap;

use service_kit::{DbError, RowInsert, Tx, Val};

const LIST: &str = "SELECT entity, row_id, version FROM changed_row ORDER BY entity, row_id LIMIT $1";
const COUNT: &str = "SELECT COUNT(*) AS waiting FROM changed_row";
/// The statements without those that depend on the engine, for the test that prepares them on each engine.
pub const ALL: [&str; 2] = [LIST, COUNT];

/// A row that was changed, and how often since it was read last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedRow {
    pub entity: String,
    pub id: i64,
    pub version: i64,
}

/// Records that rows of an entity have changed, again or for the first time.
pub async fn record_changed_rows(tx: &mut Tx, entity: &str, ids: &[i64]) -> Result<(), DbError> {
    let list = tx.engine().id_list("$2");
    let raise = format!("UPDATE changed_row SET version = version + 1 WHERE entity = $1 AND row_id IN {list}");
    tx.execute(&raise, &[entity.into(), Val::from_ids(ids)]).await?;
    let insert = RowInsert {
        table: "changed_row",
        shared: vec![("entity", entity.into()), ("version", 1.into())],
        columns: vec!["row_id"],
        skip_existing: true,
    };
    tx.insert_rows(&insert, ids.iter().map(|id| vec![(*id).into()]).collect()).await.map(drop)
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
    let mut ids: BTreeMap<(&str, i64), Vec<i64>> = BTreeMap::new();
    for row in rows {
        ids.entry((&row.entity, row.version)).or_default().push(row.id);
    }
    let list = tx.engine().id_list("$3");
    let delete = format!("DELETE FROM changed_row WHERE entity = $1 AND version = $2 AND row_id IN {list}");
    for ((entity, version), ids) in ids {
        tx.execute(&delete, &[entity.into(), version.into(), Val::from_ids(&ids)]).await?;
    }
    Ok(())
}

pub async fn count_changed_rows(tx: &mut Tx) -> Result<i64, DbError> {
    tx.fetch_one(COUNT, &[]).await?.get("waiting")
}
