//! Entities that an icat.server populates.

use service_kit::{DbError, Micros, Tx};

const LOCK: &str = "INSERT INTO entity_lock (entity, locked_at) VALUES ($1, $2) ON CONFLICT (entity) DO NOTHING";
const UNLOCK: &str = "DELETE FROM entity_lock WHERE entity = $1";
/// Every statement, for the test that prepares them on each engine.
pub const ALL: [&str; 2] = [LOCK, UNLOCK];

/// Returns whether the entity was not locked.
pub async fn lock_entity(tx: &mut Tx, entity: &str, now: Micros) -> Result<bool, DbError> {
    Ok(tx.execute(LOCK, &[entity.into(), now.into()]).await? > 0)
}

/// Returns whether the entity was locked.
pub async fn unlock_entity(tx: &mut Tx, entity: &str) -> Result<bool, DbError> {
    Ok(tx.execute(UNLOCK, &[entity.into()]).await? > 0)
}
