//! Secret keys of the logbook; one of each purpose for all replicas.

use service_kit::{BuildError, Db, DbError, Ids, Tx};

const GET: &str = "SELECT secret FROM signing_key WHERE id = $1";
const CREATE: &str = "INSERT INTO signing_key (id, secret) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING";
/// Every statement, for the test that prepares them on each engine.
pub const ALL: [&str; 2] = [GET, CREATE];

/// Bytes of a key.
const KEY_BYTES: usize = 32;

/// What a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Signed URLs of attachments.
    SignedUrls = 1,
    /// Signatures of closed logbooks.
    ClosingSignatures = 2,
}

async fn get_key(tx: &mut Tx, purpose: Purpose) -> Result<Option<Vec<u8>>, DbError> {
    tx.fetch_optional(GET, &[(purpose as i64).into()]).await?.map(|row| row.get("secret")).transpose()
}

/// The key that was inserted first is kept.
async fn insert_key(tx: &mut Tx, purpose: Purpose, secret: Vec<u8>) -> Result<(), DbError> {
    tx.execute(CREATE, &[(purpose as i64).into(), secret.into()]).await.map(drop)
}

/// The key of a purpose; it is created the first time.
pub async fn load_or_create_key(db: &Db, ids: &dyn Ids, purpose: Purpose) -> Result<Vec<u8>, BuildError> {
    if let Some(secret) = get_key(&mut db.read().await?, purpose).await? {
        return Ok(secret);
    }
    let mut secret = vec![0; KEY_BYTES];
    ids.fill_random(&mut secret);
    db.write(async |tx| insert_key(tx, purpose, secret.clone()).await).await?;
    // Another replica may have been faster; its key counts.
    let stored = get_key(&mut db.read().await?, purpose).await?;
    stored.ok_or_else(|| BuildError::Other("a key of the logbook was stored and is not there".to_owned()))
}
