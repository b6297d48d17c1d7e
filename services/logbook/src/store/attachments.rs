//! What is attached to entries; the bytes lie in a store of their own, by their SHA-256.

use std::collections::{HashMap, HashSet};

use service_kit::{DbError, Row, Tx, Val};

const ADD: &str = "INSERT INTO attachment (id, sha256, bytes, media_type, filename, entry_id, created_at) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7)";
const GET: &str = "SELECT id, sha256, bytes, media_type, filename, entry_id FROM attachment WHERE id = $1";
/// Every statement, for the test that prepares them on each engine.
pub const ALL: [&str; 2] = [ADD, GET];

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    pub id: String,
    pub sha256: String,
    pub bytes: i64,
    pub media_type: String,
    pub filename: String,
    pub entry_id: String,
}

pub async fn add(tx: &mut Tx, attachment: &Attachment, at: i64) -> Result<(), DbError> {
    let vals = [
        (&attachment.id).into(),
        (&attachment.sha256).into(),
        attachment.bytes.into(),
        (&attachment.media_type).into(),
        (&attachment.filename).into(),
        (&attachment.entry_id).into(),
        at.into(),
    ];
    tx.exec(ADD, &vals).await.map(drop)
}

pub async fn get(tx: &mut Tx, id: &str) -> Result<Option<Attachment>, DbError> {
    tx.opt(GET, &[id.into()]).await?.as_ref().map(attachment).transpose()
}

/// By their ids.
pub async fn by_ids(tx: &mut Tx, ids: &[String]) -> Result<HashMap<String, Attachment>, DbError> {
    let sql = format!(
        "SELECT id, sha256, bytes, media_type, filename, entry_id FROM attachment WHERE id IN {}",
        tx.engine().text_list("$1")
    );
    let rows = tx.all(&sql, &[Val::texts(ids.iter().map(String::as_str))]).await?;
    rows.iter().map(|row| attachment(row).map(|found| (found.id.clone(), found))).collect()
}

/// Which of these bytes any attachment has.
pub async fn used(tx: &mut Tx, sha256s: &[String]) -> Result<HashSet<String>, DbError> {
    let sql = format!("SELECT DISTINCT sha256 FROM attachment WHERE sha256 IN {}", tx.engine().text_list("$1"));
    let rows = tx.all(&sql, &[Val::texts(sha256s.iter().map(String::as_str))]).await?;
    rows.iter().map(|row| row.get("sha256")).collect()
}

fn attachment(row: &Row) -> Result<Attachment, DbError> {
    Ok(Attachment {
        id: row.get("id")?,
        sha256: row.get("sha256")?,
        bytes: row.get("bytes")?,
        media_type: row.get("media_type")?,
        filename: row.get("filename")?,
        entry_id: row.get("entry_id")?,
    })
}
