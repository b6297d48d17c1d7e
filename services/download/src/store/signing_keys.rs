//! The key of signed URLs, shared by all replicas.

use service_kit::{DbError, Micros, Tx};

/// There is one key.
const ID: i64 = 1;
const CREATE: &str = "INSERT INTO signing_key (id, secret, created_at) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING";
const GET: &str = "SELECT secret FROM signing_key WHERE id = $1";
/// Every statement, for the test that prepares them on each engine.
pub const ALL: [&str; 2] = [CREATE, GET];

pub async fn get_signing_key(tx: &mut Tx) -> Result<Option<Vec<u8>>, DbError> {
    tx.fetch_optional(GET, &[ID.into()]).await?.map(|row| row.get("secret")).transpose()
}

/// Stores a new key, unless there is one.
pub async fn create_signing_key(tx: &mut Tx, fresh: Vec<u8>, now: Micros) -> Result<(), DbError> {
    tx.execute(CREATE, &[ID.into(), fresh.into(), now.into()]).await.map(drop)
}
