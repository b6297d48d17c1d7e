//! `undulator search reindex|status|retry-rejected`: the index of the search service. A server need not run for them.

use std::time::Duration;

use search::administration::{AdministrationError, IndexAdministration, IndexStatus, ScanStatus};
use search::store::catalogue_scans::ScanState;
use search::store::rejected_documents::StoredRejection;
use serde::Serialize;
use serde_json::json;
use service_kit::cli::{Failure, format_count, print_result};
use service_kit::{Config, Sources};
use tokio::time::{Instant, sleep};

use crate::progress::Progress;

/// How often `--wait` looks.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(500);
/// A server that runs begins sooner.
const START_EXPECTED_WITHIN: Duration = Duration::from_secs(20);

/// The status, with the rejected documents if they were asked for.
#[derive(Debug, Serialize)]
struct StatusReport {
    #[serde(flatten)]
    status: IndexStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    rejected: Option<Vec<StoredRejection>>,
}

pub async fn reindex_entities(settings: &Config, names: &[String], wait: bool, json: bool) -> Result<(), Failure> {
    let index = open_index(settings).await?;
    let outcome = request_scans(&index, names, wait, json).await;
    index.close().await;
    outcome
}

async fn request_scans(index: &IndexAdministration, names: &[String], wait: bool, json: bool) -> Result<(), Failure> {
    let entities = index.request_scans(names).await.map_err(to_failure)?;
    let counted = match entities.as_slice() {
        [entity] => (*entity).to_owned(),
        several => format!("{} entities", several.len()),
    };
    if !wait {
        let value = json!({"entities": entities, "is_indexed": false});
        let sentence =
            format!("the rows of {counted} will be read again; `undulator search status` shows the progress");
        return print_result(json, &value, &sentence);
    }
    wait_for_scans(index, &entities).await?;
    wait_for_index(index).await?;
    let value = json!({"entities": entities, "is_indexed": true});
    print_result(json, &value, &format!("the rows of {counted} are in the index"))
}

/// Waits until the scans of these entities are done, and shows the progress of each.
async fn wait_for_scans(index: &IndexAdministration, entities: &[&'static str]) -> Result<(), Failure> {
    let since = Instant::now();
    let mut is_warned = false;
    for entity in entities.iter().copied() {
        let mut progress = None;
        loop {
            let IndexStatus { scans, .. } = index.read_status().await.map_err(to_failure)?;
            let scan = scans.iter().find(|scan| scan.entity == entity);
            let Some(scan) = scan else {
                return Err(Failure::Failed(format!("the scan of {entity} is no longer in the database")));
            };
            if scan.state != ScanState::Wanted {
                let progress = progress.get_or_insert_with(|| Progress::new(entity));
                let expected = scan.rows_expected.unwrap_or_default();
                // Rows may come or go during the scan.
                let expected =
                    if scan.state == ScanState::Done { scan.rows_read } else { expected.max(scan.rows_read) };
                progress.show_progress(to_size(scan.rows_read), to_size(expected));
            }
            if scan.state == ScanState::Done {
                break;
            }
            let is_asked_for = |scan: &ScanStatus| entities.contains(&scan.entity.as_str());
            let is_none_started =
                scans.iter().filter(|scan| is_asked_for(scan)).all(|scan| scan.state == ScanState::Wanted);
            if is_none_started && !is_warned && since.elapsed() > START_EXPECTED_WITHIN {
                eprintln!("no server has begun; is the search service running? The scans run when it is started");
                is_warned = true;
            }
            sleep(LOOK_AGAIN_AFTER).await;
        }
    }
    Ok(())
}

/// Waits until all changes that are accepted now are in the index.
async fn wait_for_index(index: &IndexAdministration) -> Result<(), Failure> {
    let Some(last) = index.find_last_batch().await.map_err(to_failure)? else { return Ok(()) };
    eprintln!("all rows are read; they are written to the index");
    while !index.is_indexed(last).await.map_err(to_failure)? {
        sleep(LOOK_AGAIN_AFTER).await;
    }
    Ok(())
}

pub async fn print_status(settings: &Config, with_rejected: bool, json: bool) -> Result<(), Failure> {
    let index = open_index(settings).await?;
    let report = read_report(&index, with_rejected).await;
    index.close().await;
    let report = report.map_err(to_failure)?;
    print_result(json, &report, &report.render_text())
}

async fn read_report(index: &IndexAdministration, with_rejected: bool) -> Result<StatusReport, AdministrationError> {
    let status = index.read_status().await?;
    if !with_rejected {
        return Ok(StatusReport { status, rejected: None });
    }
    let mut rejected: Vec<StoredRejection> = Vec::new();
    loop {
        let more = index.list_rejected_documents(rejected.last().map_or(i64::MIN, |last| last.id)).await?;
        if more.is_empty() {
            return Ok(StatusReport { status, rejected: Some(rejected) });
        }
        rejected.extend(more);
    }
}

pub async fn retry_rejected_documents(settings: &Config, json: bool) -> Result<(), Failure> {
    let index = open_index(settings).await?;
    let outcome = index.retry_rejected_documents().await;
    index.close().await;
    let retried = outcome.map_err(to_failure)?;
    let kept = match retried.kept {
        0 => String::new(),
        n => format!("; {n} without the id of a row cannot be read again"),
    };
    let sentence = format!("the rows of {} will be read again{kept}", format_count(retried.retried, "document"));
    print_result(json, &retried, &sentence)
}

async fn open_index(settings: &Config) -> Result<IndexAdministration, Failure> {
    search::open_index_administration(settings, &Sources::default()).await.map_err(to_failure)
}

fn to_failure(e: AdministrationError) -> Failure {
    match e {
        AdministrationError::UnknownEntity { .. } => Failure::Usage(e.to_string()),
        AdministrationError::NotFromCatalogue(_) => Failure::Failed(e.to_string()),
        AdministrationError::Setup(e) => e.into(),
        AdministrationError::Database(e) => Failure::from_error(&e),
    }
}

fn to_size(number: i64) -> usize {
    usize::try_from(number).unwrap_or_default()
}

impl StatusReport {
    fn render_text(&self) -> String {
        let IndexStatus { scans, waiting_rows, waiting_batches, rejected_documents, is_complete } = &self.status;
        let mut lines: Vec<String> = scans.iter().map(render_scan).collect();
        if scans.is_empty() {
            lines.push("no scan of the catalogue was asked for".to_owned());
        }
        lines.push(format!("changed rows to read again: {waiting_rows}"));
        lines.push(format!("batches of changes to write to the index: {waiting_batches}"));
        lines.push(format!("rejected documents: {rejected_documents}"));
        let completeness =
            if *is_complete { "has all rows of the catalogue" } else { "does not have all rows of the catalogue yet" };
        lines.push(format!("the index {completeness}"));
        for document in self.rejected.iter().flatten() {
            lines.push(format!("  {} {}: {}", document.entity, document.entity_id, document.reason));
        }
        lines.join("\n")
    }
}

fn render_scan(scan: &ScanStatus) -> String {
    let rows = format_count(scan.rows_read, "row");
    let is_filled = if scan.finished_at.is_some() { "" } else { "; not all rows are in the index yet" };
    let state = match scan.state {
        ScanState::Wanted => format!("waiting{is_filled}"),
        ScanState::Done => format!("{rows}{is_filled}"),
        ScanState::Running => {
            let expected = scan.rows_expected.unwrap_or_default();
            let rate = scan.rows_per_second.map_or_else(String::new, |rate| format!(", {rate:.0}/s"));
            let left = scan.remaining_seconds.map(|seconds| humantime::format_duration(Duration::from_secs(seconds)));
            let left = left.map_or_else(String::new, |left| format!(", {left} left"));
            format!("{} of {expected} rows{rate}{left}{is_filled}", scan.rows_read)
        }
    };
    let when = match (scan.state, scan.started_at, scan.finished_at) {
        (ScanState::Done, _, Some(at)) => format!(", read until {}", at.strftime("%Y-%m-%dT%H:%M:%SZ")),
        (ScanState::Running, Some(at), _) => format!(", since {}", at.strftime("%Y-%m-%dT%H:%M:%SZ")),
        _ => String::new(),
    };
    let name = match scan.state {
        ScanState::Wanted => "wanted",
        ScanState::Running => "running",
        ScanState::Done => "done",
    };
    format!("{:<26} {name:<8} {state}{when}", scan.entity)
}
