//! `undulator icat import FILE`

use std::path::Path;

use icat::import::{self, OnConflict, Options};
use service_kit::{Config, Sources, SystemClock, open_database};

use service_kit::cli::result;

use super::creator;
use crate::progress::Progress;
use service_kit::cli::Failure;

pub async fn run(
    settings: &Config,
    file: &Path,
    dry_run: bool,
    on_conflict: &str,
    user: Option<String>,
    json: bool,
) -> Result<(), Failure> {
    let text =
        std::fs::read_to_string(file).map_err(|e| Failure::Failed(format!("cannot read {}: {e}", file.display())))?;
    let records = import::parse(&text).map_err(|e| Failure::Failed(format!("{}: {e}", file.display())))?;
    let on_conflict = if on_conflict == "skip" { OnConflict::Skip } else { OnConflict::Fail };
    let options = Options { user_name: creator(settings, user)?, on_conflict, dry_run };
    let db = open_database(&icat::SERVICE, settings, &SystemClock).await?;
    let config = icat::Config::read(settings)?;
    let progress = Progress::new("importing");
    let report =
        import::run(&db, &config, &Sources::default(), &records, &options, |done| progress.show(done, records.len()))
            .await
            .map_err(|e| Failure::of(&e))?;
    drop(progress);
    db.close().await;
    for conflict in &report.conflicts {
        eprintln!("left as it is: {conflict}");
    }
    let kept = if dry_run { " (dry run: nothing is kept)" } else { "" };
    let sentence = format!(
        "{} rows created, {} unchanged, {} in conflict{kept}",
        report.created,
        report.unchanged,
        report.conflicts.len()
    );
    result(json, &report, &sentence)
}
