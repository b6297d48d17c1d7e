//! Documents that cannot be indexed.

use jiff::Timestamp;
use serde::Serialize;
use service_kit::{DbError, Micros, Row, Tx};

use crate::domain::change_request::RejectedDocument;

const CREATE: &str = "INSERT INTO rejected_document (id, entity, entity_id, reason, document, rejected_at) \
                      VALUES ($1, $2, $3, $4, $5, $6)";
const LIST: &str = "SELECT id, entity, entity_id, reason, document, rejected_at FROM rejected_document WHERE id > $1 \
                    ORDER BY id LIMIT $2";
const COUNT: &str = "SELECT COUNT(*) AS rejected FROM rejected_document";
const DELETE: &str = "DELETE FROM rejected_document WHERE id = $1";
const DELETE_OF_ROW: &str = "DELETE FROM rejected_document WHERE entity = $1 AND entity_id = $2";
const DELETE_EARLIER: &str = "DELETE FROM rejected_document WHERE entity = $1 AND id < $2";
/// Every statement, for the test that prepares them on each engine.
pub const ALL: [&str; 6] = [CREATE, LIST, COUNT, DELETE, DELETE_OF_ROW, DELETE_EARLIER];

/// A document that was set aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StoredRejection {
    #[serde(skip)]
    pub id: i64,
    pub entity: String,
    /// 0 if the document has none.
    pub entity_id: i64,
    pub reason: String,
    pub document: String,
    pub rejected_at: Timestamp,
}

pub async fn create_rejected_documents(
    tx: &mut Tx,
    documents: &[RejectedDocument],
    now: Micros,
) -> Result<(), DbError> {
    let ids = tx.allocate_ids(documents.len()).await?;
    for (id, document) in ids.into_iter().zip(documents) {
        let RejectedDocument { entity, entity_id, reason, document } = document;
        let vals = [
            id.into(),
            entity.as_str().into(),
            (*entity_id).into(),
            reason.as_str().into(),
            document.as_str().into(),
            now.into(),
        ];
        tx.execute(CREATE, &vals).await?;
    }
    Ok(())
}

/// The first documents with ids after the given one, in the order of their ids.
pub async fn list_rejected_documents(tx: &mut Tx, after: i64, limit: i64) -> Result<Vec<StoredRejection>, DbError> {
    let rows = tx.fetch_all(LIST, &[after.into(), limit.into()]).await?;
    let read = |row: &Row| {
        Ok(StoredRejection {
            id: row.get("id")?,
            entity: row.get("entity")?,
            entity_id: row.get("entity_id")?,
            reason: row.get("reason")?,
            document: row.get("document")?,
            rejected_at: row.get::<Micros>("rejected_at")?.to_timestamp(),
        })
    };
    rows.iter().map(read).collect()
}

pub async fn count_rejected_documents(tx: &mut Tx) -> Result<i64, DbError> {
    tx.fetch_one(COUNT, &[]).await?.get("rejected")
}

pub async fn delete_rejected_document(tx: &mut Tx, id: i64) -> Result<(), DbError> {
    tx.execute(DELETE, &[id.into()]).await.map(drop)
}

/// Deletes the documents of a row that was read again.
pub async fn delete_rejected_documents_of_row(tx: &mut Tx, entity: &str, row_id: i64) -> Result<(), DbError> {
    tx.execute(DELETE_OF_ROW, &[entity.into(), row_id.into()]).await.map(drop)
}

/// Deletes the documents of an entity that were set aside before this id was allocated: all its rows were read since.
pub async fn delete_earlier_rejected_documents(tx: &mut Tx, entity: &str, before: i64) -> Result<(), DbError> {
    tx.execute(DELETE_EARLIER, &[entity.into(), before.into()]).await.map(drop)
}
