//! Attachments of entries; their bytes are blobs, by their SHA-256.

use std::collections::HashMap;

use service_kit::{DbError, Micros, Row, Tx, Val};

const ADD: &str = "INSERT INTO attachment (id, sha256, bytes, media_type, filename, entry_id, created_at) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7)";
const GET: &str = "SELECT a.id, a.sha256, c.key, a.bytes, a.media_type, a.filename, a.entry_id, a.created_at \
                   FROM attachment a JOIN content c ON c.sha256 = a.sha256 WHERE a.id = $1";
/// Every statement, for the test that prepares them on each engine.
pub const ALL: [&str; 2] = [ADD, GET];

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    pub id: String,
    pub sha256: String,
    /// Under which its content is stored.
    pub key: String,
    pub bytes: i64,
    pub media_type: String,
    pub filename: String,
    pub entry_id: String,
    pub created_at: Micros,
}

/// A content whose blob is on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredBlob {
    pub sha256: String,
    pub bytes: i64,
    /// What the bytes are, whatever their sender called them.
    pub media_type: &'static str,
}

/// An attachment of an entry that is written.
#[derive(Debug, Clone)]
pub struct NewAttachment {
    pub id: String,
    pub filename: String,
    pub stored: StoredBlob,
}

/// Inserts attachments of an entry.
pub async fn insert_attachments(tx: &mut Tx, entry: &str, files: &[NewAttachment], at: Micros) -> Result<(), DbError> {
    for NewAttachment { id, filename, stored } in files {
        let vals = [
            id.into(),
            (&stored.sha256).into(),
            stored.bytes.into(),
            stored.media_type.into(),
            filename.into(),
            entry.into(),
            at.into(),
        ];
        tx.execute(ADD, &vals).await?;
    }
    Ok(())
}

pub async fn get_attachment(tx: &mut Tx, id: &str) -> Result<Option<Attachment>, DbError> {
    tx.fetch_optional(GET, &[id.into()]).await?.as_ref().map(parse_attachment).transpose()
}

/// Attachments by their ids.
pub async fn list_attachments_by_ids(tx: &mut Tx, ids: &[String]) -> Result<HashMap<String, Attachment>, DbError> {
    let sql = format!(
        "SELECT a.id, a.sha256, c.key, a.bytes, a.media_type, a.filename, a.entry_id, a.created_at \
         FROM attachment a JOIN content c ON c.sha256 = a.sha256 WHERE a.id IN {}",
        tx.engine().text_list("$1")
    );
    let rows = tx.fetch_all(&sql, &[Val::from_texts(ids.iter().map(String::as_str))]).await?;
    rows.iter().map(|row| parse_attachment(row).map(|found| (found.id.clone(), found))).collect()
}

/// Those of the attachments whose entries are in a logbook.
pub async fn filter_by_logbook(tx: &mut Tx, ids: &[String], logbook: i64) -> Result<Vec<String>, DbError> {
    let sql = format!(
        "SELECT a.id FROM attachment a JOIN entry e ON e.id = a.entry_id WHERE e.book_id = $1 AND a.id IN {}",
        tx.engine().text_list("$2")
    );
    let rows = tx.fetch_all(&sql, &[logbook.into(), Val::from_texts(ids.iter().map(String::as_str))]).await?;
    rows.iter().map(|row| row.get("id")).collect()
}

fn parse_attachment(row: &Row) -> Result<Attachment, DbError> {
    Ok(Attachment {
        id: row.get("id")?,
        sha256: row.get("sha256")?,
        key: row.get("key")?,
        bytes: row.get("bytes")?,
        media_type: row.get("media_type")?,
        filename: row.get("filename")?,
        entry_id: row.get("entry_id")?,
        created_at: row.get("created_at")?,
    })
}
