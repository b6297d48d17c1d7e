//! Prepared selections.

use service_kit::{DbError, Micros, Tx};

const CREATE: &str = "INSERT INTO prepared (id, number, owner, manifest_id, zip, compress, created_at, expires_at) \
                      VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
const GET: &str = "SELECT p.owner, p.manifest_id, p.zip, p.compress, p.expires_at, m.stale_datafile, \
                   CASE WHEN m.stale_at IS NULL THEN 0 ELSE 1 END AS stale \
                   FROM prepared p JOIN manifest m ON m.id = p.manifest_id WHERE p.id = $1";
const DELETE_EXPIRED: &str = "DELETE FROM prepared WHERE expires_at < $1";
/// Every statement, for the test that prepares them on each engine.
pub const ALL: [&str; 3] = [CREATE, GET, DELETE_EXPIRED];

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreparedSelection {
    /// ICAT user name.
    pub owner: String,
    pub manifest: i64,
    pub zip: bool,
    pub compress: bool,
    pub expires_at: Micros,
    /// The datafile whose file has changed since.
    pub changed_datafile: Option<i64>,
}

/// Stores a selection under its secret id; its number, which is not secret.
pub async fn create_prepared_selection(
    tx: &mut Tx,
    id: &str,
    prepared: &PreparedSelection,
    now: Micros,
) -> Result<i64, DbError> {
    let number = tx.allocate_ids(1).await?.first().copied().ok_or(DbError::NoRow)?;
    let PreparedSelection { owner, manifest, zip, compress, expires_at, changed_datafile: _ } = prepared;
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

pub async fn get_prepared_selection(tx: &mut Tx, id: &str) -> Result<Option<PreparedSelection>, DbError> {
    let Some(row) = tx.fetch_optional(GET, &[id.into()]).await? else { return Ok(None) };
    let is_stale = row.get::<bool>("stale")?;
    Ok(Some(PreparedSelection {
        owner: row.get("owner")?,
        manifest: row.get("manifest_id")?,
        zip: row.get("zip")?,
        compress: row.get("compress")?,
        expires_at: row.get("expires_at")?,
        changed_datafile: row.get::<Option<i64>>("stale_datafile")?.filter(|_| is_stale),
    }))
}

/// Deletes selections that expired before a moment.
pub async fn delete_expired(tx: &mut Tx, before: Micros) -> Result<u64, DbError> {
    tx.execute(DELETE_EXPIRED, &[before.into()]).await
}
