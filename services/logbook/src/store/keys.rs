//! Secret keys of the logbook; one of each purpose for all replicas.

use service_kit::{DbError, Tx};

const GET: &str = "SELECT secret FROM signing_key WHERE id = $1";
const CREATE: &str = "INSERT INTO signing_key (id, secret) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING";
/// Every statement, for the test that prepares them on each engine.
pub const ALL: [&str; 2] = [GET, CREATE];

/// What a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Addresses of attachments.
    Tickets = 1,
    /// Closed logbooks.
    Seals = 2,
}

pub async fn get(tx: &mut Tx, purpose: Purpose) -> Result<Option<Vec<u8>>, DbError> {
    tx.fetch_optional(GET, &[(purpose as i64).into()]).await?.map(|row| row.get("secret")).transpose()
}

/// The first one counts.
pub async fn create(tx: &mut Tx, purpose: Purpose, secret: Vec<u8>) -> Result<(), DbError> {
    tx.execute(CREATE, &[(purpose as i64).into(), secret.into()]).await.map(drop)
}
