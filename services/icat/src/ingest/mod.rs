//! Cataloguing a directory of data files as the datasets of an investigation.
//!
//! The first level of directories becomes datasets, the path below it the name of each datafile; files that lie directly
//! in the directory become a dataset named like it. Locations are relative to the storage root. Checksums are CRC-32,
//! as ids.server writes them. An ingest that was cut off goes on where it stopped: files whose size and time are known
//! already are not read again.

mod catalogue;
mod scan;

use std::path::PathBuf;

use service_kit::{Db, DbError, Sources};
use thiserror::Error;

pub use self::catalogue::ALL as STATEMENTS;
use self::catalogue::Catalogue;
pub use self::scan::Refused;
use crate::outbox;

/// Files per transaction: what a kill costs at most, and what makes a commit worth its flush.
const FILES_PER_COMMIT: usize = 500;

/// What to ingest, and as what.
#[derive(Debug, Clone)]
pub struct Options {
    /// Lies under `storage_root`.
    pub directory: PathBuf,
    pub storage_root: PathBuf,
    pub investigation: String,
    /// Needed where several investigations have the name.
    pub visit: Option<String>,
    pub facility: Option<String>,
    /// Name of the dataset type, made if it is missing.
    pub dataset_type: String,
    /// Files that are read at the same time.
    pub jobs: usize,
    pub user_name: String,
}

/// What an ingest did; counts are of files.
#[derive(Debug, Clone, Default, serde::Serialize)]
pub struct Report {
    pub datasets: usize,
    pub created: usize,
    /// Files that changed on disk since they were catalogued.
    pub updated: usize,
    pub unchanged: usize,
    /// Bytes that were read.
    pub bytes: u64,
    pub refused: Vec<Refused>,
}

/// Why nothing (more) was ingested; what was committed before stays.
#[derive(Debug, Error)]
pub enum IngestError {
    #[error("{0}")]
    Usage(String),
    #[error("cannot read {path}")]
    Read { path: String, source: std::io::Error },
    #[error(transparent)]
    Database(#[from] DbError),
    #[error(transparent)]
    Catalogue(#[from] crate::error::Error),
}

/// How far an ingest is: files done, files in all.
pub type Progress<'p> = &'p (dyn Fn(usize, usize) + Sync);

pub async fn run(db: &Db, sources: &Sources, options: &Options, progress: Progress<'_>) -> Result<Report, IngestError> {
    let tree = scan::scan(&options.directory, &options.storage_root)?;
    let at = sources.clock.now_micros();
    let catalogue = Catalogue { db, outbox: outbox(sources), at, options };
    let target = catalogue.target().await?;
    let mut report = Report { refused: tree.refused, ..Report::default() };
    let total = tree.datasets.iter().map(|dataset| dataset.files.len()).sum();
    let mut done = 0;
    for dataset in &tree.datasets {
        let (dataset_id, known) = catalogue.dataset(&target, dataset).await?;
        report.datasets += 1;
        let fresh: Vec<&scan::File> =
            dataset.files.iter().filter(|file| !known.get(&file.name).is_some_and(|k| k.is_current(file))).collect();
        report.unchanged += dataset.files.len() - fresh.len();
        done += dataset.files.len() - fresh.len();
        progress(done, total);
        for files in fresh.chunks(FILES_PER_COMMIT) {
            let summed = scan::checksums(files, options.jobs, &mut report.refused);
            let (created, updated) = catalogue.store(dataset_id, &known, &summed).await?;
            report.created += created;
            report.updated += updated;
            report.bytes += summed.iter().map(|(file, _)| file.size).sum::<u64>();
            done += files.len();
            progress(done, total);
        }
        catalogue.totals(dataset_id).await?;
    }
    catalogue.investigation_totals(&target).await?;
    Ok(report)
}
