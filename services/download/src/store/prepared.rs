//! What `prepareData` gave out.

use service_kit::{DbError, Tx};

const CREATE: &str = "INSERT INTO prepared (id, number, owner, manifest_id, zip, compress, created_at, expires_at) \
                      VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
const GET: &str = "SELECT p.owner, p.manifest_id, p.zip, p.compress, p.expires_at, m.stale_datafile, \
                   CASE WHEN m.stale_at IS NULL THEN 0 ELSE 1 END AS stale \
                   FROM prepared p JOIN manifest m ON m.id = p.manifest_id WHERE p.id = $1";
const PURGE: &str = "DELETE FROM prepared WHERE expires_at < $1";
/// Every statement, for the test that prepares them on each engine.
pub const ALL: [&str; 3] = [CREATE, GET, PURGE];

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepared {
    /// ICAT user name.
    pub owner: String,
    pub manifest: i64,
    pub zip: bool,
    pub compress: bool,
    pub expires_at: i64,
    /// The datafile whose file is not the one that was frozen.
    pub stale: Option<i64>,
}

/// Stores it under its bearer id and gives its number, which may be told to others.
pub async fn create(tx: &mut Tx, id: &str, prepared: &Prepared, now: i64) -> Result<i64, DbError> {
    let number = tx.allocate_ids(1).await?.first().copied().ok_or(DbError::NoRow)?;
    let Prepared { owner, manifest, zip, compress, expires_at, stale: _ } = prepared;
    let vals = [
        id.into(),
        number.into(),
        owner.into(),
        (*manifest).into(),
        (*zip).into(),
        (*compress).into(),
        now.into(),
        (*expires_at).into(),
    ];
    tx.execute(CREATE, &vals).await?;
    Ok(number)
}

pub async fn get(tx: &mut Tx, id: &str) -> Result<Option<Prepared>, DbError> {
    let Some(row) = tx.fetch_optional(GET, &[id.into()]).await? else { return Ok(None) };
    let stale = row.get::<bool>("stale")?;
    Ok(Some(Prepared {
        owner: row.get("owner")?,
        manifest: row.get("manifest_id")?,
        zip: row.get("zip")?,
        compress: row.get("compress")?,
        expires_at: row.get("expires_at")?,
        stale: row.get::<Option<i64>>("stale_datafile")?.filter(|_| stale),
    }))
}

/// Forgets those that had expired before a moment.
pub async fn purge(tx: &mut Tx, before: i64) -> Result<u64, DbError> {
    tx.execute(PURGE, &[before.into()]).await
}
