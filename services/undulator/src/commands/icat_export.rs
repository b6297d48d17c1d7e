//! `undulator icat export FILE`

use std::io::BufWriter;
use std::path::Path;

use icat::export::{self, DumpFormat};
use service_kit::cli::{Failure, format_count, print_result};
use service_kit::{Config, Sources, SystemClock, open_database};
use tempfile::NamedTempFile;

use crate::progress::Progress;

/// Writes a temporary file first, so that the file is never incomplete.
pub async fn export_dump(settings: &Config, file: &Path, format: &str, json: bool) -> Result<(), Failure> {
    let format: DumpFormat = format.parse().map_err(|e| Failure::from_error(&e))?;
    let refused = |e: &dyn std::fmt::Display| Failure::Failed(format!("cannot write {}: {e}", file.display()));
    let directory = file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut out = BufWriter::new(NamedTempFile::new_in(directory).map_err(|e| refused(&e))?);
    let db = open_database(&icat::SERVICE, settings, &SystemClock).await?;
    let progress = Progress::new("exporting");
    let report = export::export_catalogue(&db, &Sources::default(), format, &mut out, |done, total| {
        progress.show_progress(done, total);
    })
    .await
    .map_err(|e| Failure::from_error(&e))?;
    drop(progress);
    db.close().await;
    out.into_inner().map_err(|e| refused(&e))?.persist(file).map_err(|e| refused(&e))?;
    print_result(json, &report, &format!("{} written to {}", format_count(report.rows, "row"), file.display()))
}
