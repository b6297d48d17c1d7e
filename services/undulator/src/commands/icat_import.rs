//! `undulator icat import FILE`

use std::path::Path;

use icat::import::{self, Dump, ImportError, ImportOptions, OnConflict};
use service_kit::cli::{Failure, format_count, print_result};
use service_kit::{Config, Sources, SystemClock, has_database, open_database};

use super::creator::choose_creator;
use crate::progress::Progress;

pub async fn import_dump(
    settings: &Config,
    file: &Path,
    dry_run: bool,
    on_conflict: &str,
    user: Option<String>,
    json: bool,
) -> Result<(), Failure> {
    let unreadable = |e: &std::io::Error| Failure::Failed(format!("cannot read {}: {e}", file.display()));
    let failed = |e: ImportError| match e {
        ImportError::Read(e) => unreadable(&e),
        ImportError::Format(e) => Failure::Failed(format!("{}: {e}", file.display())),
        e => Failure::from_error(&e),
    };
    let dump = Dump::open(file).map_err(|e| unreadable(&e))?;
    // What is no dump creates no catalogue.
    import::check_beginning(&dump).map_err(failed)?;
    let on_conflict = if on_conflict == "skip" { OnConflict::Skip } else { OnConflict::Fail };
    let options = ImportOptions { user_name: choose_creator(settings, user)?, on_conflict, dry_run };
    let config = icat::Config::from_settings(settings)?;
    // The dump may create a new catalogue; a dry run creates it in a temporary directory.
    let scratch = tempfile::tempdir().map_err(|e| Failure::from_error(&e))?;
    let is_new = !has_database(&icat::SERVICE, settings).await?;
    let settings = match (is_new, dry_run) {
        (true, true) => settings.with_setting("data_dir", scratch.path())?.with_setting("database.url", "sqlite")?,
        _ => settings.clone(),
    };
    let db = open_database(&icat::SERVICE, &settings, &SystemClock).await?;
    if is_new && !dry_run {
        eprintln!("created a new catalogue ({})", settings.facility_location());
    }
    let progress = Progress::new("importing, MiB");
    let report = import::import_dump(&db, &config, &Sources::default(), &dump, &options, |done| {
        progress.show_progress(to_mebibytes(done), to_mebibytes(dump.size()));
    })
    .await
    .map_err(failed)?;
    drop(progress);
    db.close().await;
    for conflict in &report.conflicts {
        eprintln!("left as it is: {conflict}");
    }
    let kept = if dry_run { " (dry run: nothing is kept)" } else { "" };
    let sentence = format!(
        "{} created, {} unchanged, {} in conflict{kept}",
        format_count(report.created, "row"),
        report.unchanged,
        report.conflicts.len()
    );
    print_result(json, &report, &sentence)
}

/// Rounded up.
fn to_mebibytes(bytes: u64) -> usize {
    usize::try_from(bytes.div_ceil(1 << 20)).unwrap_or(usize::MAX)
}
