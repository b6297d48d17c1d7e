//! `undulator icat ingest DIR`

use icat::ingest::{self, IngestError, NewInvestigation, Options, Report};
use service_kit::cli::{Failure, format_count, print_result};
use service_kit::{Clock as _, Config, Sources, SystemClock, open_database};

use super::catalogue::{parse_time, start_of_today};
use super::creator::choose_creator;
use crate::cli::Ingest;
use crate::progress::Progress;

/// How many lines of each kind are printed on stderr; `--json` lists all.
const MAX_LINES: usize = 1_000;

/// Fails with exit code 1 if files were left out or are gone.
pub async fn ingest_directory(settings: &Config, options: Ingest, json: bool) -> Result<(), Failure> {
    let name = &options.storage;
    let storage = settings.core.storage.get(name).ok_or_else(|| {
        Failure::Usage(format!("there is no storage `{name}`; name its directory as storage.{name}.url"))
    })?;
    let is_described = options.title.is_some() || options.start.is_some() || !options.instrument.is_empty();
    let zone = icat::Config::from_settings(settings)?.parse_time_zone()?;
    let start = match &options.start {
        Some(start) => parse_time(start, &zone)?,
        None => start_of_today(SystemClock.now_micros(), &zone)?,
    };
    let new = NewInvestigation {
        title: options.title,
        investigation_type: options.investigation_type,
        start: Some(start),
        instruments: options.instrument,
    };
    let others = settings.core.storage.iter().filter(|(other, _)| *other != name);
    let other_storages = others.map(|(other, storage)| storage.parse_directory(other)).collect::<Result<_, _>>()?;
    let options = Options {
        storage_root: storage.parse_directory(name)?,
        other_storages,
        directory: options.directory,
        investigation: options.investigation,
        visit: options.visit,
        facility: options.facility,
        create: options.create.then_some(new),
        dataset_type: options.dataset_type,
        repoint: options.repoint,
        also_elsewhere: options.also_elsewhere,
        hidden: options.hidden,
        forget_gone: options.forget_gone,
        most_may_be_gone: options.most_may_be_gone,
        dry_run: options.dry_run,
        jobs: options.jobs,
        user_name: choose_creator(settings, options.user)?,
    };
    let db = open_database(&icat::SERVICE, settings, &SystemClock).await?;
    let progress = Progress::new("ingesting");
    let report = ingest::ingest_directory(&db, &Sources::default(), &options, &|done, total| {
        progress.show_progress(done, total);
    })
    .await
    .map_err(|e| match e {
        IngestError::Usage(text) => Failure::Usage(text),
        e => Failure::from_error(&e),
    })?;
    drop(progress);
    db.close().await;
    if is_described && !report.investigation_created {
        eprintln!(
            "the investigation {} is there already: --title, --instrument and --start were not used; `undulator icat \
             investigation add` adds to one",
            options.investigation
        );
    }
    print_findings(&report);
    print_result(json, &report, &render_summary(&report, options.dry_run))?;
    if report.is_complete() {
        return Ok(());
    }
    let forget =
        if report.gone.is_empty() { "" } else { "; --forget-gone removes files that are gone from the catalogue" };
    Err(Failure::Failed(format!(
        "left out: {}; catalogued and gone: {}; see the list above{forget}",
        format_count(report.left_out, "file"),
        format_count(report.gone.len(), "file")
    )))
}

fn print_findings(report: &Report) {
    let left_out = report.refused.iter().map(|refused| format!("left out: {}: {}", refused.path, refused.reason));
    let gone = report.gone.iter().map(|file| format!("gone: {} ({} of {})", file.location, file.name, file.dataset));
    let skipped = report.skipped.iter().map(|skipped| format!("skipped: {}: {}", skipped.path, skipped.reason));
    print_lines(&skipped.collect::<Vec<_>>());
    print_lines(&left_out.collect::<Vec<_>>());
    print_lines(&gone.collect::<Vec<_>>());
}

fn print_lines(lines: &[String]) {
    for line in lines.iter().take(MAX_LINES) {
        eprintln!("{line}");
    }
    if lines.len() > MAX_LINES {
        eprintln!("and {} more; --json lists them all", lines.len() - MAX_LINES);
    }
}

fn render_summary(report: &Report, dry_run: bool) -> String {
    let made = match (report.investigation_created, dry_run) {
        (true, false) => "investigation made; ",
        (true, true) => "the investigation would be made; ",
        (false, _) => "",
    };
    let read = if dry_run { "would be read" } else { "read" };
    let repointed = if report.repointed > 0 { format!(" ({} repointed)", report.repointed) } else { String::new() };
    let forgotten = match (report.forgotten, dry_run) {
        (0, _) => String::new(),
        (n, true) => format!(" ({n} would be removed from the catalogue)"),
        (n, false) => format!(" ({n} removed from the catalogue)"),
    };
    let left_behind = match report.left_behind {
        0 => String::new(),
        n => format!(
            "; {} of these datasets still on disk at the old place: has the data moved?",
            format_count(n, "file")
        ),
    };
    let skipped = if report.skipped.is_empty() { String::new() } else { format!("; {} skipped", report.skipped.len()) };
    let kept = if dry_run { " (dry run: nothing is stored)" } else { "" };
    format!(
        "{made}{}; files: {} new, {} updated{repointed}, {} unchanged, {} left out, {} gone{forgotten}; {} \
         {read}{left_behind}{skipped}{kept}",
        format_count(report.datasets, "dataset"),
        report.created,
        report.updated,
        report.unchanged,
        report.left_out,
        report.gone.len(),
        format_count(report.bytes, "byte")
    )
}
