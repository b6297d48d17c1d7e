//! Which contents of attachments are stored, and which are to go.

use service_kit::{DbError, Tx};

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

/// Says that somebody is about to refer to a content; the key under which it is stored, or has to be.
pub async fn touch(tx: &mut Tx, sha256: &str, now: i64) -> Result<String, DbError> {
    let number = tx.allocate_ids(1).await?.first().copied().ok_or(DbError::NoRow)?;
    // Never that of a content that was here before and is being taken away.
    let key = format!("{sha256}-{number}");
    tx.fetch_one(TOUCH, &[sha256.into(), key.into(), now.into()]).await?.get("key")
}

/// Contents that no attachment has and nobody has touched since a moment.
pub async fn unused(tx: &mut Tx, before: i64, limit: i64) -> Result<Vec<String>, DbError> {
    tx.fetch_all(UNUSED, &[before.into(), limit.into()]).await?.iter().map(|row| row.get("sha256")).collect()
}

/// From now on there is no such content, unless somebody refers to it after all; what is stored of it is to go.
pub async fn doom(tx: &mut Tx, sha256: &str, before: i64) -> Result<(), DbError> {
    if let Some(row) = tx.fetch_optional(DOOM, &[sha256.into(), before.into()]).await? {
        tx.execute(DOOMED, &[row.get::<String>("key")?.into()]).await?;
    }
    Ok(())
}

/// Keys of what is to go.
pub async fn doomed(tx: &mut Tx, limit: i64) -> Result<Vec<String>, DbError> {
    tx.fetch_all(ALL_DOOMED, &[limit.into()]).await?.iter().map(|row| row.get("key")).collect()
}

/// It has gone.
pub async fn forget(tx: &mut Tx, key: &str) -> Result<(), DbError> {
    tx.execute(GONE, &[key.into()]).await.map(drop)
}
