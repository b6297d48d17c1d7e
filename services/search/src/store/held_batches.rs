//! Operations that are applied again when an entity has been populated.

use service_kit::{DbError, Tx};

const CREATE: &str = "INSERT INTO held_batch (id, body) VALUES ($1, $2)";
const FIND_NEXT: &str = "SELECT id, body FROM held_batch WHERE id > $1 ORDER BY id LIMIT 1";
const CLEAR: &str = "DELETE FROM held_batch";
/// Every statement, for the test that prepares them on each engine.
pub const ALL: [&str; 3] = [CREATE, FIND_NEXT, CLEAR];

/// `id` is that of the batch in the queue.
pub async fn create_held_batch(tx: &mut Tx, id: i64, body: &str) -> Result<(), DbError> {
    tx.execute(CREATE, &[id.into(), body.into()]).await?;
    Ok(())
}

/// The first batch after the given id, with its body.
pub async fn find_next_held_batch(tx: &mut Tx, after: i64) -> Result<Option<(i64, String)>, DbError> {
    let row = tx.fetch_optional(FIND_NEXT, &[after.into()]).await?;
    row.map(|row| Ok((row.get("id")?, row.get("body")?))).transpose()
}

pub async fn delete_held_batches(tx: &mut Tx) -> Result<(), DbError> {
    tx.execute(CLEAR, &[]).await?;
    Ok(())
}
