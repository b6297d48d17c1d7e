//! Scans of the catalogue and rejected documents, for commands that open the database of the service. No server needs to run;
//! one that runs notices within a few seconds what was asked for.

use std::sync::Arc;

use serde::Serialize;
use service_kit::{BuildError, Clock, Config as Settings, Db, DbError, Sources};
use thiserror::Error;

use crate::catalogue::ENTITY_NAMES;
use crate::config::{Config, Source};
use crate::index_progress::IndexProgress;
pub use crate::index_status::{IndexStatus, ScanStatus};
use crate::store::catalogue_scans::request_scans;
use crate::store::change_batches;
use crate::store::changed_rows::record_changed_rows;
use crate::store::rejected_documents::{StoredRejection, delete_rejected_document, list_rejected_documents};

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
    progress: IndexProgress,
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
        Ok(Self { db, clock: Arc::clone(&sources.clock), refusal, progress: IndexProgress::new(reads_catalogue) })
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
        Ok(IndexStatus::read(&self.db, self.progress, self.clock.now_micros()).await?)
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
