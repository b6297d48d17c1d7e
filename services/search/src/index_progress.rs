//! How much of the catalogue is in the index.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use service_kit::{Clock, Db, DbError, Micros};

use crate::index_status::IndexStatus;
use crate::store::catalogue_scans::list_scans;

/// How long an answer counts.
const KNOWN_FOR: Duration = Duration::from_secs(1);

/// Tells callers whether a result may lack rows.
pub struct IndexProgress {
    db: Db,
    clock: Arc<dyn Clock>,
    /// Whether the service reads the catalogue itself.
    reads_catalogue: bool,
    /// When it was complete.
    complete_at: Mutex<Option<Micros>>,
}

impl IndexProgress {
    pub fn new(db: Db, clock: Arc<dyn Clock>, reads_catalogue: bool) -> Self {
        Self { db, clock, reads_catalogue, complete_at: Mutex::default() }
    }

    /// Whether the service reads the catalogue itself.
    pub fn reads_catalogue(&self) -> bool {
        self.reads_catalogue
    }

    /// How far it is, entity by entity, and what waits.
    pub async fn read_status(&self) -> Result<IndexStatus, DbError> {
        IndexStatus::read(&self.db, self.clock.now_micros()).await
    }

    /// Whether all rows of the catalogue were read at least once; true if an icat.server sends them, because nobody knows how
    /// many it has.
    pub async fn is_complete(&self) -> Result<bool, DbError> {
        if !self.reads_catalogue {
            return Ok(true);
        }
        let now = self.clock.now_micros();
        let complete_at = *self.complete_at.lock().unwrap_or_else(PoisonError::into_inner);
        if complete_at.is_some_and(|at| now.duration_since(at) < KNOWN_FOR) {
            return Ok(true);
        }
        let scans = list_scans(&mut self.db.read().await?).await?;
        // A scan that runs again leaves the rows of the last one in the index.
        let is_complete = !scans.is_empty() && scans.iter().all(|scan| scan.finished_at > Micros::default());
        *self.complete_at.lock().unwrap_or_else(PoisonError::into_inner) = is_complete.then_some(now);
        Ok(is_complete)
    }
}
