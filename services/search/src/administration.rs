//! Scans of the catalogue and rejected documents, for commands that open the database of the service. No server needs to run;
//! one that runs notices within a few seconds what was asked for.

use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;
use service_kit::{BuildError, Clock, Config as Settings, Db, DbError, Micros, Sources};
use thiserror::Error;

use crate::catalogue::ENTITY_NAMES;
use crate::config::{Config, Source};
use crate::store::catalogue_scans::{CatalogueScan, ScanState, list_scans, request_scans};
use crate::store::change_batches;
use crate::store::changed_rows::{count_changed_rows, record_changed_rows};
use crate::store::rejected_documents::{
    StoredRejection, count_rejected_documents, delete_rejected_document, list_rejected_documents,
};

/// Rejected documents that are read in one transaction.
const DOCUMENTS_AT_ONCE: i64 = 1_000;

/// Why a command was refused or failed.
#[derive(Debug, Error)]
pub enum AdministrationError {
    #[error(
        "{0}, so the index is not filled from the catalogue but by an icat.server, which must send its rows again; see \
         \"Populating from an icat.server\" in the documentation of the search"
    )]
    NotFromCatalogue(&'static str),
    #[error("`{name}` is not an entity that is indexed; there are {}", ENTITY_NAMES.join(", "))]
    UnknownEntity { name: String },
    #[error(transparent)]
    Setup(#[from] BuildError),
    #[error(transparent)]
    Database(#[from] DbError),
}

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
}

/// What became of rejected documents.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct RetriedDocuments {
    /// Their rows are read again.
    pub retried: usize,
    /// Documents without the id of a row, which cannot be read again.
    pub kept: usize,
}

/// The database of the service.
pub struct IndexAdministration {
    db: Db,
    clock: Arc<dyn Clock>,
    /// Why no rows can be read from the catalogue.
    refusal: Option<&'static str>,
}

impl IndexAdministration {
    /// For the database of the service.
    pub(crate) fn new(db: Db, settings: &Settings, sources: &Sources) -> Result<Self, AdministrationError> {
        let config = Config::from_settings(settings).map_err(BuildError::from)?;
        let reads_catalogue = config.reads_catalogue(&settings.core.icat).map_err(BuildError::from)?;
        let refusal = match config.source {
            _ if reads_catalogue => None,
            Source::Auto => Some(
                "search.source is \"auto\", and this facility has no embedded catalogue with a reader account (icat.url, \
                 icat.reader)",
            ),
            Source::IcatServer | Source::Catalogue => Some("search.source is \"icat-server\""),
        };
        Ok(Self { db, clock: Arc::clone(&sources.clock), refusal })
    }

    pub async fn close(self) {
        self.db.close().await;
    }

    /// Asks for scans of the named entities, or of all; those that run begin again. Returns their names in the order in which
    /// they will run.
    pub async fn request_scans(&self, names: &[String]) -> Result<Vec<&'static str>, AdministrationError> {
        self.require_catalogue()?;
        for name in names {
            if !ENTITY_NAMES.iter().any(|entity| entity.eq_ignore_ascii_case(name)) {
                return Err(AdministrationError::UnknownEntity { name: name.clone() });
            }
        }
        let is_wanted = |entity: &str| names.is_empty() || names.iter().any(|name| name.eq_ignore_ascii_case(entity));
        let entities: Vec<&'static str> = ENTITY_NAMES.iter().copied().filter(|entity| is_wanted(entity)).collect();
        self.db.write(async |tx| request_scans(tx, &entities).await).await?;
        Ok(entities)
    }

    pub async fn read_status(&self) -> Result<IndexStatus, AdministrationError> {
        let now = self.clock.now_micros();
        let mut tx = self.db.read().await?;
        let mut scans = list_scans(&mut tx).await?;
        scans.sort_by_key(|scan| ENTITY_NAMES.iter().position(|entity| *entity == scan.entity));
        Ok(IndexStatus {
            scans: scans.into_iter().map(|scan| ScanStatus::from_scan(scan, now)).collect(),
            waiting_rows: count_changed_rows(&mut tx).await?,
            waiting_batches: change_batches::count_batches(&mut tx).await?,
            rejected_documents: count_rejected_documents(&mut tx).await?,
        })
    }

    /// The id of the newest change that is not in the index yet.
    pub async fn find_last_batch(&self) -> Result<Option<i64>, AdministrationError> {
        Ok(change_batches::find_last_id(&mut self.db.read().await?).await?)
    }

    /// Whether all changes up to this one are in the index.
    pub async fn is_indexed(&self, last_batch: i64) -> Result<bool, AdministrationError> {
        let oldest = change_batches::find_first_id(&mut self.db.read().await?).await?;
        Ok(oldest.is_none_or(|oldest| oldest > last_batch))
    }

    /// The next rejected documents with ids after the given one, in the order of their ids.
    pub async fn list_rejected_documents(&self, after: i64) -> Result<Vec<StoredRejection>, AdministrationError> {
        Ok(list_rejected_documents(&mut self.db.read().await?, after, DOCUMENTS_AT_ONCE).await?)
    }

    /// Has the rows of rejected documents read again. Those that still cannot be indexed are rejected again.
    pub async fn retry_rejected_documents(&self) -> Result<RetriedDocuments, AdministrationError> {
        self.require_catalogue()?;
        let mut retried = RetriedDocuments::default();
        let mut after = i64::MIN;
        loop {
            let documents = self.list_rejected_documents(after).await?;
            let Some(last) = documents.last() else { return Ok(retried) };
            after = last.id;
            let (rows, without_row): (Vec<_>, Vec<_>) = documents.iter().partition(|document| document.entity_id > 0);
            self.db
                .write(async |tx| {
                    for document in &rows {
                        record_changed_rows(tx, &document.entity, &[document.entity_id]).await?;
                        delete_rejected_document(tx, document.id).await?;
                    }
                    Ok::<_, DbError>(())
                })
                .await?;
            retried.retried += rows.len();
            retried.kept += without_row.len();
        }
    }

    fn require_catalogue(&self) -> Result<(), AdministrationError> {
        self.refusal.map_or(Ok(()), |reason| Err(AdministrationError::NotFromCatalogue(reason)))
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
