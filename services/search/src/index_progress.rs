//! Whether the rows of the catalogue are in the index.

use service_kit::{DbError, Tx};

use crate::store::catalogue_scans::find_filling_batch;
use crate::store::change_batches::find_first_id_besides;

/// Tells whether an index has all rows that the catalogue had when it was filled.
#[derive(Debug, Clone, Copy)]
pub struct IndexProgress {
    /// Whether the service reads the catalogue itself.
    reads_catalogue: bool,
}

impl IndexProgress {
    pub fn new(reads_catalogue: bool) -> Self {
        Self { reads_catalogue }
    }

    /// Whether the service reads the catalogue itself.
    pub fn reads_catalogue(self) -> bool {
        self.reads_catalogue
    }

    /// Whether the rows of all first scans are in an index with these batches and all that are no longer stored. It stays so while
    /// rows change or are read again, until the index is a new one. True if an icat.server sends the rows, because nobody knows
    /// how many it has.
    pub async fn is_complete(self, tx: &mut Tx, applied: &[i64]) -> Result<bool, DbError> {
        if !self.reads_catalogue {
            return Ok(true);
        }
        let Some(last) = find_filling_batch(tx).await? else { return Ok(false) };
        Ok(find_first_id_besides(tx, applied).await?.is_none_or(|first| first > last))
    }
}
