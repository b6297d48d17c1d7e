//! Entities that an icat.server populates.

use service_kit::{DbError, Micros, Tx};

const LOCK: &str = "INSERT INTO entity_lock (entity, generation, process, locked_at) VALUES ($1, $2, $3, $4) \
                    ON CONFLICT (entity) DO UPDATE SET generation = excluded.generation, process = excluded.process, \
                    locked_at = excluded.locked_at WHERE entity_lock.process <> excluded.process";
// A write, so that PostgreSQL reports a conflict with a transaction that removes the lock.
const TOUCH: &str = "UPDATE entity_lock SET locked_at = locked_at";
const COUNT: &str = "SELECT COUNT(*) AS locked FROM entity_lock";
const UNLOCK: &str = "DELETE FROM entity_lock WHERE entity = $1 RETURNING generation";
const FIND: &str = "SELECT generation FROM entity_lock WHERE entity = $1";
const UNLOCK_GENERATION: &str = "DELETE FROM entity_lock WHERE entity = $1 AND generation = $2";
/// Every statement, for the test that prepares them on each engine.
pub const ALL: [&str; 6] = [LOCK, UNLOCK, UNLOCK_GENERATION, TOUCH, COUNT, FIND];

/// Returns whether the entity was not locked by this process. Whoever locked it in an earlier process has lost the connection.
/// The generation is that of the rows that will be sent; 0 if the rows that are
/// there remain.
pub async fn lock_entity(
    tx: &mut Tx,
    entity: &str,
    generation: i64,
    process: &str,
    now: Micros,
) -> Result<bool, DbError> {
    Ok(tx.execute(LOCK, &[entity.into(), generation.into(), process.into(), now.into()]).await? > 0)
}

/// The generation of the lock that is removed; `None` if the entity was not locked.
pub async fn unlock_entity(tx: &mut Tx, entity: &str) -> Result<Option<i64>, DbError> {
    let row = tx.fetch_optional(UNLOCK, &[entity.into()]).await?;
    row.map(|row| row.get("generation")).transpose()
}

/// The generation of a lock; `None` if the entity is not locked.
pub async fn find_locked_generation(tx: &mut Tx, entity: &str) -> Result<Option<i64>, DbError> {
    let row = tx.fetch_optional(FIND, &[entity.into()]).await?;
    row.map(|row| row.get("generation")).transpose()
}

/// Removes the lock with this generation, if there is one.
pub async fn unlock_generation(tx: &mut Tx, entity: &str, generation: i64) -> Result<(), DbError> {
    tx.execute(UNLOCK_GENERATION, &[entity.into(), generation.into()]).await.map(drop)
}

/// Whether an entity is being populated, for a transaction that must be repeated if this ends at the same time.
pub async fn hold_locks(tx: &mut Tx) -> Result<bool, DbError> {
    Ok(tx.execute(TOUCH, &[]).await? > 0)
}

/// Whether an entity is being populated.
pub async fn is_any_locked(tx: &mut Tx) -> Result<bool, DbError> {
    let locked: i64 = tx.fetch_one(COUNT, &[]).await?.get("locked")?;
    Ok(locked > 0)
}
