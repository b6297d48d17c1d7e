//! The index to which the changes of this database belong.

use service_kit::{DbError, Tx};

const FIND: &str = "SELECT identity FROM index_identity";
const SET: &str = "INSERT INTO index_identity (row_number, identity) VALUES (1, $1) \
                   ON CONFLICT (row_number) DO UPDATE SET identity = excluded.identity";
/// Every statement, for the test that prepares them on each engine.
pub const ALL: [&str; 2] = [FIND, SET];

pub async fn find_identity(tx: &mut Tx) -> Result<Option<String>, DbError> {
    tx.fetch_optional(FIND, &[]).await?.map(|row| row.get("identity")).transpose()
}

pub async fn set_identity(tx: &mut Tx, identity: &str) -> Result<(), DbError> {
    tx.execute(SET, &[identity.into()]).await?;
    Ok(())
}
