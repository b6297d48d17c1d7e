//! The generation of new rows of each entity in the index.

use service_kit::{DbError, Tx};

const LIST: &str = "SELECT entity, generation FROM entity_generation";
const SET: &str = "INSERT INTO entity_generation (entity, generation) VALUES ($1, $2) \
                   ON CONFLICT (entity) DO UPDATE SET generation = excluded.generation \
                   WHERE excluded.generation > entity_generation.generation";
/// Every statement, for the test that prepares them on each engine.
pub const ALL: [&str; 2] = [LIST, SET];

/// Entities without a generation have 0.
pub async fn list_generations(tx: &mut Tx) -> Result<Vec<(String, i64)>, DbError> {
    let rows = tx.fetch_all(LIST, &[]).await?;
    rows.iter().map(|row| Ok((row.get("entity")?, row.get("generation")?))).collect()
}

/// Does nothing if a later generation has begun.
pub async fn set_generation(tx: &mut Tx, entity: &str, generation: i64) -> Result<(), DbError> {
    tx.execute(SET, &[entity.into(), generation.into()]).await?;
    Ok(())
}
