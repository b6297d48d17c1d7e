//! `undulator icat ingest DIR`

use icat::ingest::{self, IngestError, NewInvestigation, Options, Report};
use service_kit::cli::{Failure, result};
use service_kit::{Config, Sources, SystemClock, open_database};

use super::creator;
use crate::cli::Ingest;
use crate::progress::Progress;

/// Lines on stderr of each kind; `--json` lists all.
const MOST_LINES: usize = 1_000;

/// Exit code 1 if a file was left out or is gone.
pub async fn run(settings: &Config, options: Ingest, json: bool) -> Result<(), Failure> {
    let name = &options.storage;
    let storage = settings.core.storage.get(name).ok_or_else(|| {
        Failure::Usage(format!("there is no storage `{name}`; name its directory as storage.{name}.url"))
    })?;
    let new = NewInvestigation { title: options.title, investigation_type: options.investigation_type };
    let options = Options {
        storage_root: storage.directory(name)?,
        directory: options.directory,
        investigation: options.investigation,
        visit: options.visit,
        facility: options.facility,
        create: options.create.then_some(new),
        dataset_type: options.dataset_type,
        repoint: options.repoint,
        dry_run: options.dry_run,
        jobs: options.jobs,
        user_name: creator(settings, options.user)?,
    };
    let db = open_database(&icat::SERVICE, settings, &SystemClock).await?;
    let progress = Progress::new("ingesting");
    let report = ingest::run(&db, &Sources::default(), &options, &|done, total| progress.show(done, total))
        .await
        .map_err(|e| match e {
            IngestError::Usage(text) => Failure::Usage(text),
            e => Failure::of(&e),
        })?;
    drop(progress);
    db.close().await;
    print_findings(&report);
    result(json, &report, &summarize(&report, options.dry_run))?;
    if report.is_complete() {
        return Ok(());
    }
    Err(Failure::Failed(format!(
        "{} files were left out and {} catalogued files are gone; see the list above",
        report.left_out,
        report.gone.len()
    )))
}

fn print_findings(report: &Report) {
    let left_out = report.refused.iter().map(|refused| format!("left out: {}: {}", refused.path, refused.reason));
    let gone = report.gone.iter().map(|file| format!("gone: {} ({} of {})", file.location, file.name, file.dataset));
    print_lines(&left_out.collect::<Vec<_>>());
    print_lines(&gone.collect::<Vec<_>>());
}

fn print_lines(lines: &[String]) {
    for line in lines.iter().take(MOST_LINES) {
        eprintln!("{line}");
    }
    if lines.len() > MOST_LINES {
        eprintln!("and {} more; --json lists them all", lines.len() - MOST_LINES);
    }
}

fn summarize(report: &Report, dry_run: bool) -> String {
    let made = match (report.investigation_created, dry_run) {
        (true, false) => "investigation made; ",
        (true, true) => "the investigation would be made; ",
        (false, _) => "",
    };
    let read = if dry_run { "would be read" } else { "read" };
    let repointed = if report.repointed > 0 { format!(" ({} repointed)", report.repointed) } else { String::new() };
    let kept = if dry_run { " (dry run: nothing is stored)" } else { "" };
    format!(
        "{made}{} datasets; files: {} new, {} updated{repointed}, {} unchanged, {} left out, {} gone; {} bytes {read}{kept}",
        report.datasets,
        report.created,
        report.updated,
        report.unchanged,
        report.left_out,
        report.gone.len(),
        report.bytes
    )
}
