//! Which user of an identity provider has which ICAT user name: the first who came with it.

use service_kit::{DbError, Micros, Tx};

pub const INSERT: &str = "INSERT INTO provider_user (user_name, issuer, subject_hash, bound_at) VALUES ($1, $2, $3, $4) \
                          ON CONFLICT DO NOTHING";
pub const FIND: &str = "SELECT issuer, subject_hash FROM provider_user WHERE user_name = $1";
pub const DELETE: &str = "DELETE FROM provider_user WHERE user_name = $1";
/// Every statement, for the test that prepares them on each engine.
pub const ALL: [&str; 3] = [INSERT, FIND, DELETE];

/// Binds a name to a user if it is bound to nobody; whether it is bound to this user now.
pub async fn bind_name(
    tx: &mut Tx,
    user_name: &str,
    issuer: &str,
    subject_hash: &str,
    now: Micros,
) -> Result<bool, DbError> {
    tx.execute(INSERT, &[user_name.into(), issuer.into(), subject_hash.into(), now.into()]).await?;
    let row = tx.fetch_optional(FIND, &[user_name.into()]).await?.ok_or(DbError::NoRow)?;
    let bound: (String, String) = (row.get("issuer")?, row.get("subject_hash")?);
    Ok(bound.0 == issuer && bound.1 == subject_hash)
}

/// Frees a name; whether it was bound.
pub async fn free_name(tx: &mut Tx, user_name: &str) -> Result<bool, DbError> {
    Ok(tx.execute(DELETE, &[user_name.into()]).await? == 1)
}
