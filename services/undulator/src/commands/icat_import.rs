//! `undulator icat import FILE`

use std::path::Path;

use icat::import::{self, ImportOptions, OnConflict};
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
    let text =
        std::fs::read_to_string(file).map_err(|e| Failure::Failed(format!("cannot read {}: {e}", file.display())))?;
    let records = import::parse_dump(&text).map_err(|e| Failure::Failed(format!("{}: {e}", file.display())))?;
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
    let progress = Progress::new("importing");
    let report = import::import_dump(&db, &config, &Sources::default(), &records, &options, |done| {
        progress.show_progress(done, records.len());
    })
    .await
    .map_err(|e| Failure::from_error(&e))?;
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
