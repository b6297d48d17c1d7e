//! Deleting many rows, a few in each transaction, so that others do not wait for long.

use service_kit::{Db, DbError, Tx};

/// At most so many rows are deleted in a transaction.
pub const MAX_DELETED_ROWS: u32 = 1000;

/// Repeats `delete`, which deletes at most [`MAX_DELETED_ROWS`] rows, until there are no more; returns how many there were.
pub async fn delete_in_batches(db: &Db, delete: impl AsyncFn(&mut Tx) -> Result<u64, DbError>) -> Result<u64, DbError> {
    let mut total = 0;
    loop {
        let deleted = db.write(async |tx: &mut Tx| delete(tx).await).await?;
        total += deleted;
        if deleted < u64::from(MAX_DELETED_ROWS) {
            return Ok(total);
        }
    }
}
