//! Catalogues a directory of data files as the datasets of an investigation.
//!
//! Each directory of the first level becomes a dataset, the path below it the name of a datafile; files directly in the
//! directory become a dataset named like it. Locations are relative to the storage root. Checksums are CRC-32, as in
//! ids.server. An interrupted ingest continues where it stopped: files with the catalogued size and modification time are not
//! read again.
//!
//! A dataset or datafile that is catalogued at another location is left out and listed, because otherwise two directories
//! of the same name would replace each other's files; [`Options::repoint`] changes its location. A file that another
//! investigation has is left out too, unless [`Options::also_elsewhere`] is set.

mod catalogue;
mod datasets;
mod gone_files;
mod investigation;
mod other_investigations;
mod scan;
mod storage_probe;
mod totals;

use std::path::PathBuf;

use service_kit::{Db, DbError, Sources};
use thiserror::Error;

use self::catalogue::IngestCatalogue;
use self::datasets::{Catalogued, FileChange};
pub use self::gone_files::GoneFile;
use self::other_investigations::OtherInvestigationFiles;
pub use self::scan::LeftOut;
use self::storage_probe::StorageProbe;
use crate::change_events::new_outbox;

/// Every statement, for the test that prepares them on each engine.
pub const STATEMENTS: [&str; 11] = [
    investigation::FIND_INVESTIGATION,
    investigation::LIST_FACILITIES,
    investigation::LIST_INVESTIGATION_TYPES,
    investigation::LIST_INSTRUMENTS,
    datasets::FIND_DATASET,
    datasets::LIST_FILES,
    other_investigations::LIST_LOCATIONS,
    gone_files::LIST_DATASETS,
    gone_files::LIST_PUBLISHED,
    totals::SUM_OF_DATASET,
    totals::SUM_OF_INVESTIGATION,
];

/// Files per transaction: the most work that is lost if the process is killed.
const FILES_PER_COMMIT: usize = 500;

/// What to ingest, and how.
#[expect(clippy::struct_excessive_bools, reason = "each is an option of the command line")]
#[derive(Debug, Clone)]
pub struct Options {
    /// The directory to ingest; below `storage_root`.
    pub directory: PathBuf,
    pub storage_root: PathBuf,
    /// Roots of the other storages: a file in one of them is not gone.
    pub other_storages: Vec<PathBuf>,
    pub investigation: String,
    /// Needed if several investigations have the name.
    pub visit: Option<String>,
    pub facility: Option<String>,
    /// Create the investigation if it does not exist.
    pub create: Option<NewInvestigation>,
    /// Name of the dataset type, created if it is missing.
    pub dataset_type: String,
    /// Change the location of datasets and datafiles that are catalogued at another location to this directory.
    pub repoint: bool,
    /// Also catalogue files that another investigation has.
    pub also_elsewhere: bool,
    /// Include files and directories whose names begin with a dot.
    pub hidden: bool,
    /// Remove the rows of files that are no longer on disk; refused if the disk seems not to be mounted.
    pub forget_gone: bool,
    /// Even if more than half of the files that are catalogued below the directory are gone.
    pub most_may_be_gone: bool,
    /// Report what would be done, without reading file contents or storing anything.
    pub dry_run: bool,
    /// The number of files that are read at the same time.
    pub jobs: usize,
    pub user_name: String,
}

/// Attributes of a new investigation besides its name, visit and facility.
#[derive(Debug, Clone, Default)]
pub struct NewInvestigation {
    /// Defaults to the name.
    pub title: Option<String>,
    /// Name of the investigation type; defaults to the only one of the facility.
    pub investigation_type: Option<String>,
    /// The start date, in microseconds UTC. Without it, entries of programs cannot be assigned to the investigation.
    pub start: Option<i64>,
    /// Names of instruments of the facility.
    pub instruments: Vec<String>,
}

/// What an ingest did, or with [`Options::dry_run`] would do. Counts are of files unless stated otherwise.
#[derive(Debug, Clone, Default, serde::Serialize)]
pub struct Report {
    pub investigation_created: bool,
    /// Datasets that were created or have files here.
    pub datasets: usize,
    pub created: usize,
    /// Files that changed on disk since they were catalogued.
    pub updated: usize,
    /// Files that were catalogued at another location; also counted as updated.
    pub repointed: usize,
    /// Catalogued files of repointed datasets that are still on disk at another location: has the data really moved?
    pub left_behind: usize,
    pub unchanged: usize,
    /// Bytes that were read, or in a dry run would be.
    pub bytes: u64,
    /// Files on disk that are not catalogued, or catalogued differently.
    pub left_out: usize,
    /// The reasons; a whole dataset is one item.
    pub refused: Vec<LeftOut>,
    /// Hidden files, and directories without files.
    pub skipped: Vec<LeftOut>,
    /// Files that are catalogued below the directory but no longer on disk.
    pub gone: Vec<GoneFile>,
    /// Gone files whose rows were removed.
    pub forgotten: usize,
}

impl Report {
    /// Whether the catalogue now has exactly the files on disk.
    pub fn is_complete(&self) -> bool {
        self.left_out == 0 && self.refused.is_empty() && self.gone.len() == self.forgotten
    }

    fn leave_out(&mut self, files: usize, refused: LeftOut) {
        self.left_out += files;
        self.refused.push(refused);
    }
}

/// Why an ingest stopped; what it committed before stays.
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

/// Reports progress: files done, files in total.
pub type Progress<'p> = &'p (dyn Fn(usize, usize) + Sync);

pub async fn ingest_directory(
    db: &Db,
    sources: &Sources,
    options: &Options,
    progress: Progress<'_>,
) -> Result<Report, IngestError> {
    let mut tree = scan::scan_directory(&options.directory, &options.storage_root, options.hidden)?;
    let started_at = sources.clock.now_micros();
    let catalogue = IngestCatalogue { db, outbox: new_outbox(sources), started_at, options };
    let mut report = Report {
        left_out: tree.refused.len(),
        refused: tree.refused.clone(),
        skipped: std::mem::take(&mut tree.skipped),
        ..Report::default()
    };
    let there = catalogue.find_investigations().await?;
    let has_files = !tree.datasets.is_empty();
    if !options.also_elsewhere {
        let elsewhere = OtherInvestigationFiles::list_below(db, &tree.base, there.first().copied()).await?;
        elsewhere.leave_out(&mut tree, &mut report);
    }
    if has_files && tree.datasets.is_empty() && there.is_empty() && options.create.is_some() {
        // Do not create an investigation without files.
        return Ok(report);
    }
    let disk = StorageProbe::open(&tree, options)?;
    let mut survey = gone_files::GoneSurvey::default();
    let investigation = catalogue.find_or_create_investigation(&mut report).await?;
    let total = tree.datasets.iter().map(|dataset| dataset.files.len()).sum();
    let mut done = 0;
    for dataset in &tree.datasets {
        let catalogued = match catalogue.prepare_dataset(investigation, dataset, &tree).await? {
            Ok(catalogued) => catalogued,
            Err(refused) => {
                report.leave_out(dataset.files.len(), refused);
                done += dataset.files.len();
                continue;
            }
        };
        report.datasets += 1;
        if options.repoint {
            report.left_behind += gone_files::count_left_behind(&tree, &dataset.location, &catalogued.files);
        }
        let changes = compare_files(dataset, &catalogued, options.repoint, &mut report);
        done += dataset.files.len() - changes.len();
        progress(done, total);
        for files in changes.chunks(FILES_PER_COMMIT) {
            store_files(&catalogue, &catalogued, files, &mut report).await?;
            done += files.len();
            progress(done, total);
        }
        if let Some(id) = catalogued.id.filter(|_| !options.dry_run) {
            catalogue.update_dataset_totals(id).await?;
        }
        if let Some(id) = catalogued.id {
            let files = &catalogued.files;
            survey.look_for_files(&disk, (id, &dataset.name), &dataset.location, files);
        }
    }
    if let Some(investigation) = investigation {
        catalogue.look_for_datasets(investigation, &disk, &mut survey).await?;
        catalogue.list_or_forget(&disk, survey, &mut report).await?;
        if !options.dry_run {
            catalogue.update_investigation_totals(investigation).await?;
        }
    }
    Ok(report)
}

/// The files to be stored. Counts unchanged files, and leaves out those that are catalogued at another location.
fn compare_files<'d>(
    dataset: &'d scan::Dataset,
    catalogued: &Catalogued,
    repoint: bool,
    report: &mut Report,
) -> Vec<FileChange<'d>> {
    let mut changes = Vec::new();
    for file in &dataset.files {
        let change = match catalogued.files.get(&file.name) {
            None => FileChange::New(file),
            Some(known) if known.is_current(file) => {
                report.unchanged += 1;
                continue;
            }
            Some(known) => match known.location.as_deref().filter(|location| *location != file.location) {
                None => FileChange::Updated(known.id, file),
                Some(_) if repoint => FileChange::Repointed(known.id, file),
                Some(location) => {
                    let reason = format!(
                        "{} of the dataset {} is catalogued at {location}; --repoint lets it point here: only if the file \
                         has moved",
                        file.name, dataset.name
                    );
                    report.leave_out(1, LeftOut { path: file.path.display().to_string(), reason });
                    continue;
                }
            },
        };
        changes.push(change);
    }
    changes
}

async fn store_files(
    catalogue: &IngestCatalogue<'_>,
    catalogued: &Catalogued,
    changes: &[FileChange<'_>],
    report: &mut Report,
) -> Result<(), IngestError> {
    let stored: Vec<(FileChange, u32)> = match catalogued.id.filter(|_| !catalogue.options.dry_run) {
        None => changes.iter().map(|change| (*change, 0)).collect(),
        Some(dataset) => {
            let files: Vec<&scan::File> = changes.iter().map(FileChange::file).collect();
            let (checksums, unreadable) = scan::read_checksums(&files, catalogue.options.jobs);
            for refused in unreadable {
                report.leave_out(1, refused);
            }
            let summed: Vec<_> =
                changes.iter().zip(checksums).filter_map(|(change, crc)| Some((*change, crc?))).collect();
            catalogue.store_files(dataset, &summed).await?;
            summed
        }
    };
    for (change, _) in &stored {
        match change {
            FileChange::New(_) => report.created += 1,
            FileChange::Updated(..) => report.updated += 1,
            FileChange::Repointed(..) => {
                report.updated += 1;
                report.repointed += 1;
            }
        }
        report.bytes += change.file().size;
    }
    Ok(())
}
