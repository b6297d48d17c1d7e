//! The recorder's one table.

use service_kit::{DbError, Tx};

pub const MIGRATION: &str = "CREATE TABLE recorded (
    id BIGINT PRIMARY KEY,
    subject {text} NOT NULL,
    event_id {text} NOT NULL,
    payload {blob} NOT NULL
);";
const RECORD: &str = "INSERT INTO recorded (id, subject, event_id, payload) VALUES ($1, $2, $3, $4)";
const RECORDED: &str = "SELECT payload FROM recorded WHERE subject = $1 ORDER BY id";

pub async fn create_record(tx: &mut Tx, subject: &str, event_id: &str, payload: Vec<u8>) -> Result<(), DbError> {
    let id = tx.allocate_ids(1).await?.first().copied().ok_or(DbError::NoRow)?;
    tx.execute(RECORD, &[id.into(), subject.into(), event_id.into(), payload.into()]).await.map(drop)
}

pub async fn list_records(tx: &mut Tx, subject: &str) -> Result<Vec<Vec<u8>>, DbError> {
    tx.fetch_all(RECORDED, &[subject.into()]).await?.iter().map(|row| row.get("payload")).collect()
}
