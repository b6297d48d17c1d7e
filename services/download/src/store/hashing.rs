//! Manifests whose files are to be read for their checksums.

use service_kit::{DbError, Tx};

const ASK: &str = "INSERT INTO hashing (manifest_id, asked_at) VALUES ($1, $2) ON CONFLICT (manifest_id) DO NOTHING";
const NEXT: &str = "SELECT manifest_id FROM hashing ORDER BY asked_at, manifest_id LIMIT 1";
const DONE: &str = "DELETE FROM hashing WHERE manifest_id = $1";
/// Every statement, for the test that prepares them on each engine.
pub const ALL: [&str; 3] = [ASK, NEXT, DONE];

pub async fn ask(tx: &mut Tx, manifest: i64, now: i64) -> Result<(), DbError> {
    tx.execute(ASK, &[manifest.into(), now.into()]).await.map(drop)
}

/// The one that has waited longest.
pub async fn next(tx: &mut Tx) -> Result<Option<i64>, DbError> {
    tx.fetch_optional(NEXT, &[]).await?.map(|row| row.get("manifest_id")).transpose()
}

pub async fn done(tx: &mut Tx, manifest: i64) -> Result<(), DbError> {
    tx.execute(DONE, &[manifest.into()]).await.map(drop)
}
