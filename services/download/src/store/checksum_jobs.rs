//! The queue of manifests whose checksums are to be computed.

use service_kit::{DbError, Micros, Tx};

const ENQUEUE: &str =
    "INSERT INTO hashing (manifest_id, asked_at) VALUES ($1, $2) ON CONFLICT (manifest_id) DO NOTHING";
const NEXT: &str = "SELECT manifest_id FROM hashing ORDER BY asked_at, manifest_id LIMIT 1";
const DEQUEUE: &str = "DELETE FROM hashing WHERE manifest_id = $1";
/// Every statement, for the test that prepares them on each engine.
pub const ALL: [&str; 3] = [ENQUEUE, NEXT, DEQUEUE];

pub async fn enqueue_manifest(tx: &mut Tx, manifest: i64, now: Micros) -> Result<(), DbError> {
    tx.execute(ENQUEUE, &[manifest.into(), now.into()]).await.map(drop)
}

/// The manifest that has waited longest.
pub async fn get_next_manifest(tx: &mut Tx) -> Result<Option<i64>, DbError> {
    tx.fetch_optional(NEXT, &[]).await?.map(|row| row.get("manifest_id")).transpose()
}

pub async fn dequeue_manifest(tx: &mut Tx, manifest: i64) -> Result<(), DbError> {
    tx.execute(DEQUEUE, &[manifest.into()]).await.map(drop)
}
