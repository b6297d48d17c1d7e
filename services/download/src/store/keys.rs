//! The key of signed addresses: made by whoever needs it first, the same for all replicas.

use service_kit::{DbError, Tx};

/// There is one.
const ID: i64 = 1;
const CREATE: &str = "INSERT INTO signing_key (id, secret, created_at) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING";
const GET: &str = "SELECT secret FROM signing_key WHERE id = $1";
/// Every statement, for the test that prepares them on each engine.
pub const ALL: [&str; 2] = [CREATE, GET];

pub async fn get(tx: &mut Tx) -> Result<Option<Vec<u8>>, DbError> {
    tx.fetch_optional(GET, &[ID.into()]).await?.map(|row| row.get("secret")).transpose()
}

/// Stores a fresh key, unless somebody was faster.
pub async fn create(tx: &mut Tx, fresh: Vec<u8>, now: i64) -> Result<(), DbError> {
    tx.execute(CREATE, &[ID.into(), fresh.into(), now.into()]).await.map(drop)
}
