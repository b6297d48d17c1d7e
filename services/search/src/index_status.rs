//! How much of the catalogue is in the index, and what waits, for operators.

use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;
use service_kit::{Clock, Db, DbError, Micros};

use crate::catalogue::ENTITY_NAMES;
use crate::index_progress::IndexProgress;
use crate::store::catalogue_scans::{CatalogueScan, ScanState, list_scans};
use crate::store::change_batches::count_batches;
use crate::store::changed_rows::count_changed_rows;
use crate::store::rejected_documents::count_rejected_documents;

/// How far the scan of an entity is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ScanStatus {
    pub entity: String,
    pub state: ScanState,
    /// By the scan that runs or ran last.
    pub rows_read: i64,
    /// What the catalogue had at the start; `None` before the scan runs.
    pub rows_expected: Option<i64>,
    /// While it runs.
    pub rows_per_second: Option<f64>,
    /// While it runs.
    pub remaining_seconds: Option<u64>,
    pub started_at: Option<Timestamp>,
    /// When the last scan ended that filled the index.
    pub finished_at: Option<Timestamp>,
}

/// How much of the catalogue is in the index, and what waits.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct IndexStatus {
    /// In the order in which they run; empty if none was asked for, because the service has not run or does not read the
    /// catalogue.
    pub scans: Vec<ScanStatus>,
    /// Rows that have changed in the catalogue and are to be read again.
    pub waiting_rows: i64,
    /// Requests and pages with changes that are not in the index yet.
    pub waiting_batches: i64,
    pub rejected_documents: i64,
    /// Whether all rows that the catalogue had when the index was filled are in it.
    pub is_complete: bool,
}

/// Reads the status for the interface.
pub struct IndexStatusReader {
    pub db: Db,
    pub clock: Arc<dyn Clock>,
    pub progress: IndexProgress,
}

impl IndexStatusReader {
    pub async fn read_status(&self) -> Result<IndexStatus, DbError> {
        IndexStatus::read(&self.db, self.progress, self.clock.now_micros()).await
    }
}

impl IndexStatus {
    /// From the database of the service.
    pub async fn read(db: &Db, progress: IndexProgress, now: Micros) -> Result<Self, DbError> {
        let mut tx = db.read().await?;
        let mut scans = list_scans(&mut tx).await?;
        // A command may not have the settings that make the service read the catalogue.
        let progress = IndexProgress::new(progress.reads_catalogue() || !scans.is_empty());
        scans.sort_by_key(|scan| ENTITY_NAMES.iter().position(|entity| *entity == scan.entity));
        Ok(Self {
            scans: scans.into_iter().map(|scan| ScanStatus::from_scan(scan, now)).collect(),
            waiting_rows: count_changed_rows(&mut tx).await?,
            waiting_batches: count_batches(&mut tx).await?,
            rejected_documents: count_rejected_documents(&mut tx).await?,
            is_complete: progress.is_complete(&mut tx, &[]).await?,
        })
    }
}

impl ScanStatus {
    fn from_scan(scan: CatalogueScan, now: Micros) -> Self {
        let moment = |at: Micros| (at > Micros::default()).then(|| at.to_timestamp());
        let mut status = Self {
            entity: scan.entity,
            state: scan.state,
            rows_read: scan.rows_read,
            rows_expected: Some(scan.rows_expected),
            rows_per_second: None,
            remaining_seconds: None,
            started_at: moment(scan.started_at),
            finished_at: moment(scan.finished_at),
        };
        match scan.state {
            // The other columns are those of the scan before.
            ScanState::Wanted => {
                status.rows_read = 0;
                status.rows_expected = None;
                status.started_at = None;
            }
            ScanState::Running => {
                let seconds = now.duration_since(scan.started_at).as_secs_f64();
                status.estimate_end(scan.rows_expected, seconds);
            }
            ScanState::Done => {}
        }
        status
    }

    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an estimate; negative numbers become 0"
    )]
    fn estimate_end(&mut self, rows_expected: i64, seconds: f64) {
        if self.rows_read > 0 && seconds > 0.0 {
            let rate = self.rows_read as f64 / seconds;
            self.rows_per_second = Some(rate);
            self.remaining_seconds = Some(((rows_expected - self.rows_read) as f64 / rate).ceil() as u64);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_remaining_time_follows_from_the_rate() {
        let started_at = Micros::from_i64(1_000_000);
        let scan = CatalogueScan {
            entity: "Datafile".to_owned(),
            state: ScanState::Running,
            generation: 1,
            after_id: 300,
            rows_read: 300,
            rows_expected: 1_000,
            started_at,
            finished_at: Micros::default(),
        };
        let status = ScanStatus::from_scan(scan.clone(), started_at + Duration::from_secs(3));
        assert_eq!((status.rows_per_second, status.remaining_seconds), (Some(100.0), Some(7)));
        assert_eq!((status.started_at, status.finished_at), (Some(started_at.to_timestamp()), None));
        // More rows than at the start.
        let more = ScanStatus::from_scan(
            CatalogueScan { rows_read: 1_200, ..scan.clone() },
            started_at + Duration::from_secs(3),
        );
        assert_eq!(more.remaining_seconds, Some(0));
        let wanted = ScanStatus::from_scan(CatalogueScan { state: ScanState::Wanted, ..scan.clone() }, started_at);
        assert_eq!((wanted.rows_read, wanted.rows_expected, wanted.started_at), (0, None, None));
        // Another clock.
        let early = ScanStatus::from_scan(scan, Micros::default());
        assert_eq!((early.rows_per_second, early.remaining_seconds), (None, None));
    }
}
