//! Which blobs are stored, and which are to be deleted.

use service_kit::{DbError, Micros, Tx};

const TOUCH: &str = "INSERT INTO content (sha256, key, touched_at) VALUES ($1, $2, $3) \
                     ON CONFLICT (sha256) DO UPDATE SET touched_at = $3 RETURNING key";
const UNUSED: &str = "SELECT c.sha256 FROM content c WHERE c.touched_at < $1 \
                      AND NOT EXISTS (SELECT 1 FROM attachment a WHERE a.sha256 = c.sha256) ORDER BY c.touched_at LIMIT $2";
const DOOM: &str = "DELETE FROM content WHERE sha256 = $1 AND touched_at < $2 \
                    AND NOT EXISTS (SELECT 1 FROM attachment a WHERE a.sha256 = content.sha256) RETURNING key";
const DOOMED: &str = "INSERT INTO doomed_content (key) VALUES ($1)";
const ALL_DOOMED: &str = "SELECT key FROM doomed_content ORDER BY key LIMIT $1";
const GONE: &str = "DELETE FROM doomed_content WHERE key = $1";
/// Every statement, for the test that prepares them on each engine.
pub const ALL: [&str; 6] = [TOUCH, UNUSED, DOOM, DOOMED, ALL_DOOMED, GONE];

/// Inserts a blob, or notes that somebody is about to refer to it. The key under which it is or has to be stored.
pub async fn upsert_blob(tx: &mut Tx, sha256: &str, now: Micros) -> Result<String, DbError> {
    let number = tx.allocate_ids(1).await?.first().copied().ok_or(DbError::NoRow)?;
    // Never the key of an earlier blob of the same content that is being deleted.
    let key = format!("{sha256}-{number}");
    tx.fetch_one(TOUCH, &[sha256.into(), key.into(), now.into()]).await?.get("key")
}

/// Blobs that no attachment has and nobody has referred to since a moment.
pub async fn list_unused_blobs(tx: &mut Tx, before: Micros, limit: i64) -> Result<Vec<String>, DbError> {
    tx.fetch_all(UNUSED, &[before.into(), limit.into()]).await?.iter().map(|row| row.get("sha256")).collect()
}

/// Deletes a blob's row unless somebody refers to it after all; the stored bytes are to be deleted.
pub async fn mark_blob_deleted(tx: &mut Tx, sha256: &str, before: Micros) -> Result<(), DbError> {
    if let Some(row) = tx.fetch_optional(DOOM, &[sha256.into(), before.into()]).await? {
        tx.execute(DOOMED, &[row.get::<String>("key")?.into()]).await?;
    }
    Ok(())
}

/// Keys of blobs whose bytes are to be deleted.
pub async fn list_pending_deletes(tx: &mut Tx, limit: i64) -> Result<Vec<String>, DbError> {
    tx.fetch_all(ALL_DOOMED, &[limit.into()]).await?.iter().map(|row| row.get("key")).collect()
}

/// Notes that the bytes were deleted.
pub async fn clear_pending_delete(tx: &mut Tx, key: &str) -> Result<(), DbError> {
    tx.execute(GONE, &[key.into()]).await.map(drop)
}
