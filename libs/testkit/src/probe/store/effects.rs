//! Effects of events.

use service_kit::{DbError, Micros, Tx};

const CREATE: &str = "INSERT INTO effect (id, event_id, entity, entity_id, verb, stored_at) \
                     VALUES ($1, $2, $3, $4, $5, $6)";
const LIST: &str = "SELECT id, event_id, entity, entity_id, verb FROM effect WHERE id > $1 ORDER BY id LIMIT $2";
/// Every statement, for the test that prepares them on each engine.
pub const ALL: [&str; 2] = [CREATE, LIST];

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effect {
    pub id: i64,
    pub event_id: String,
    pub entity: String,
    pub entity_id: i64,
    pub verb: String,
}

/// One row per entity of the event.
pub async fn create_effects(
    tx: &mut Tx,
    event_id: &str,
    entity: &str,
    entity_ids: &[i64],
    verb: &str,
    now: Micros,
) -> Result<(), DbError> {
    let ids = tx.allocate_ids(entity_ids.len()).await?;
    for (id, entity_id) in ids.into_iter().zip(entity_ids) {
        let vals = [id.into(), event_id.into(), entity.into(), (*entity_id).into(), verb.into(), now.into()];
        tx.execute(CREATE, &vals).await?;
    }
    Ok(())
}

/// Effects after the given one.
pub async fn list_effects(tx: &mut Tx, after: i64, limit: i64) -> Result<Vec<Effect>, DbError> {
    let rows = tx.fetch_all(LIST, &[after.into(), limit.into()]).await?;
    rows.iter()
        .map(|row| {
            Ok(Effect {
                id: row.get("id")?,
                event_id: row.get("event_id")?,
                entity: row.get("entity")?,
                entity_id: row.get("entity_id")?,
                verb: row.get("verb")?,
            })
        })
        .collect()
}
