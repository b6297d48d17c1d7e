//! The key that signs addresses of attachments; one for all replicas.

use service_kit::{DbError, Tx};

const GET: &str = "SELECT secret FROM signing_key WHERE id = 1";
const CREATE: &str = "INSERT INTO signing_key (id, secret) VALUES (1, $1) ON CONFLICT (id) DO NOTHING";
/// Every statement, for the test that prepares them on each engine.
pub const ALL: [&str; 2] = [GET, CREATE];

pub async fn get(tx: &mut Tx) -> Result<Option<Vec<u8>>, DbError> {
    tx.opt(GET, &[]).await?.map(|row| row.get("secret")).transpose()
}

/// The first one counts.
pub async fn create(tx: &mut Tx, secret: Vec<u8>) -> Result<(), DbError> {
    tx.exec(CREATE, &[secret.into()]).await.map(drop)
}
