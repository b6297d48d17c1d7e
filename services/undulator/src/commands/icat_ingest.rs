//! `undulator icat ingest DIR`

use icat::ingest::{self, Options};
use service_kit::{Config, Sources, SystemClock, open_database};

use service_kit::cli::result;

use super::creator;
use crate::cli::Ingest;
use crate::progress::Progress;
use service_kit::cli::Failure;

pub async fn run(settings: &Config, options: Ingest, json: bool) -> Result<(), Failure> {
    let name = &options.storage;
    let storage = settings.core.storage.get(name).ok_or_else(|| {
        Failure::Usage(format!("there is no storage `{name}`; name its directory as storage.{name}.url"))
    })?;
    let options = Options {
        storage_root: storage.directory(name)?,
        directory: options.directory,
        investigation: options.investigation,
        visit: options.visit,
        facility: options.facility,
        dataset_type: options.dataset_type,
        jobs: options.jobs,
        user_name: creator(settings, options.user)?,
    };
    let db = open_database(&icat::SERVICE, settings, &SystemClock).await?;
    let progress = Progress::new("ingesting");
    let report = ingest::run(&db, &Sources::default(), &options, &|done, total| progress.show(done, total))
        .await
        .map_err(|e| Failure::of(&e))?;
    drop(progress);
    db.close().await;
    for refused in &report.refused {
        eprintln!("left out: {}: {}", refused.path, refused.reason);
    }
    let sentence = format!(
        "{} datasets; files: {} new, {} updated, {} unchanged, {} left out; {} bytes read",
        report.datasets,
        report.created,
        report.updated,
        report.unchanged,
        report.refused.len(),
        report.bytes
    );
    result(json, &report, &sentence)
}
