//! When the whole state was read.

use service_kit::{DbError, Tx};

const NOTE: &str = "INSERT INTO reconcile (id, consumer, at) VALUES ($1, $2, $3)";
const COUNT: &str = "SELECT COUNT(*) AS n FROM reconcile WHERE consumer = $1";
/// Every statement, for the test that prepares them on each engine.
pub const ALL: [&str; 2] = [NOTE, COUNT];

pub async fn note(tx: &mut Tx, consumer: &str, now: i64) -> Result<(), DbError> {
    let id = tx.allocate_ids(1).await?.first().copied().ok_or(DbError::NoRow)?;
    tx.execute(NOTE, &[id.into(), consumer.into(), now.into()]).await.map(drop)
}

/// How often a consumer read the whole state.
pub async fn count(tx: &mut Tx, consumer: &str) -> Result<i64, DbError> {
    tx.fetch_one(COUNT, &[consumer.into()]).await?.get("n")
}
