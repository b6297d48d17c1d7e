//! Which user of an identity provider has which ICAT user name: the first who came with it.

use service_kit::{DbError, Micros, Tx};

pub const INSERT: &str = "INSERT INTO provider_user (user_name, issuer, subject_hash, bound_at) VALUES ($1, $2, $3, $4) \
                          ON CONFLICT DO NOTHING";
pub const FIND: &str = "SELECT issuer, subject_hash FROM provider_user WHERE user_name = $1";
pub const DELETE: &str = "DELETE FROM provider_user WHERE user_name = $1";
/// Every statement, for the test that prepares them on each engine.
pub const ALL: [&str; 3] = [INSERT, FIND, DELETE];

/// The user of an issuer to whom a name belongs.
#[derive(Debug, PartialEq, Eq)]
pub struct NameOwner {
    issuer: String,
    subject_hash: String,
}

impl NameOwner {
    pub fn is_user(&self, issuer: &str, subject_hash: &str) -> bool {
        self.issuer == issuer && self.subject_hash == subject_hash
    }
}

/// The owner of a name; `None` if it is bound to nobody.
pub async fn find_owner(tx: &mut Tx, user_name: &str) -> Result<Option<NameOwner>, DbError> {
    let row = tx.fetch_optional(FIND, &[user_name.into()]).await?;
    row.map(|row| Ok(NameOwner { issuer: row.get("issuer")?, subject_hash: row.get("subject_hash")? })).transpose()
}

/// Binds a name to a user if it is bound to nobody.
pub async fn insert_owner(
    tx: &mut Tx,
    user_name: &str,
    issuer: &str,
    subject_hash: &str,
    now: Micros,
) -> Result<(), DbError> {
    tx.execute(INSERT, &[user_name.into(), issuer.into(), subject_hash.into(), now.into()]).await.map(drop)
}

/// Frees a name; whether it was bound.
pub async fn free_name(tx: &mut Tx, user_name: &str) -> Result<bool, DbError> {
    Ok(tx.execute(DELETE, &[user_name.into()]).await? == 1)
}
