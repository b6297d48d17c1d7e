//! When a consumer read the whole state.

use service_kit::{DbError, Micros, Tx};

const RECORD: &str = "INSERT INTO reconcile (id, consumer, at) VALUES ($1, $2, $3)";
const COUNT: &str = "SELECT COUNT(*) AS n FROM reconcile WHERE consumer = $1";
/// Every statement, for the test that prepares them on each engine.
pub const ALL: [&str; 2] = [RECORD, COUNT];

pub async fn record_reconciliation(tx: &mut Tx, consumer: &str, now: Micros) -> Result<(), DbError> {
    let id = tx.allocate_ids(1).await?.first().copied().ok_or(DbError::NoRow)?;
    tx.execute(RECORD, &[id.into(), consumer.into(), now.into()]).await.map(drop)
}

/// How often a consumer read the whole state.
pub async fn count_reconciliations(tx: &mut Tx, consumer: &str) -> Result<i64, DbError> {
    tx.fetch_one(COUNT, &[consumer.into()]).await?.get("n")
}
