//! Local accounts.

use service_kit::{DbError, Tx};

pub const FIND: &str = "SELECT password_hash FROM account WHERE mechanism = $1 AND name = $2";
pub const CREATE: &str = "INSERT INTO account (mechanism, name, password_hash, changed_at) VALUES ($1, $2, $3, $4)";
pub const CHANGE: &str = "UPDATE account SET password_hash = $1, changed_at = $2, rev = rev + 1 \
                          WHERE mechanism = $3 AND name = $4";
/// Every statement, for the test that prepares them on each engine.
pub const ALL: [&str; 3] = [FIND, CREATE, CHANGE];

pub async fn find(tx: &mut Tx, mechanism: &str, name: &str) -> Result<Option<String>, DbError> {
    tx.opt(FIND, &[mechanism.into(), name.into()]).await?.map(|row| row.get("password_hash")).transpose()
}

/// Whether the account is new.
pub async fn set(tx: &mut Tx, mechanism: &str, name: &str, hash: &str, at: i64) -> Result<bool, DbError> {
    let changed = tx.exec(CHANGE, &[hash.into(), at.into(), mechanism.into(), name.into()]).await?;
    if changed == 0 {
        tx.exec(CREATE, &[mechanism.into(), name.into(), hash.into(), at.into()]).await?;
    }
    Ok(changed == 0)
}
