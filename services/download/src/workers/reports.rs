//! Stores what transfers report when they end. Every replica does it for its own, and keeps it in memory while the database
//! does not take it.

use std::sync::Arc;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use service_kit::{Code, Ctx, DbError, Problem, Worker, problem};
use tokio_util::sync::CancellationToken;

use crate::manifest::Manifest;
use crate::state::State;
use crate::store;
use crate::transfer::reports::{Inbox, Waiting};

/// Reports stored in one transaction.
const MOST: usize = 100;
/// Reports that wait for the database.
const MOST_KEPT: usize = 10_000;
/// Between attempts while the database takes nothing, doubling to the longest.
const PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

#[derive(Clone, Default)]
struct ReportMetrics {
    waiting: Gauge,
    failed: Counter,
    dropped: Counter,
}

pub fn worker(ctx: &Ctx, state: &Arc<State>, inbox: &Inbox) -> Worker {
    let (state, inbox, stop) = (Arc::clone(state), Arc::clone(inbox), ctx.stop.clone());
    let metrics = ReportMetrics::default();
    let m = &ctx.process.metrics;
    m.register("undulator_download_reports_waiting", "Transfers whose end is not stored yet", metrics.waiting.clone());
    m.register("undulator_download_reports_failed", "Attempts to store them that failed", metrics.failed.clone());
    m.register("undulator_download_reports_dropped", "Transfers whose end was never stored", metrics.dropped.clone());
    Worker::new("download.reports", move || run(Arc::clone(&state), Arc::clone(&inbox), metrics.clone(), stop.clone()))
}

async fn run(state: Arc<State>, inbox: Inbox, metrics: ReportMetrics, stop: CancellationToken) {
    let mut waiting = inbox.lock().await;
    let mut pause = Duration::ZERO;
    while !stop.is_cancelled() {
        // The listeners are closed when it is cancelled, so what is in the box is all there will be.
        let due = async {
            waiting.wait().await;
            tokio::time::sleep(pause).await;
        };
        let _stopped = stop.run_until_cancelled(due).await;
        match collect_and_store(&state, &mut waiting, &metrics).await {
            Ok(()) => pause = Duration::ZERO,
            Err(e) => {
                let (error, reports) = (problem::chain(&e), waiting.kept.len());
                tracing::error!(error, reports, "reports of transfers cannot be stored now; they are kept");
                metrics.failed.inc();
                pause = (pause * 2).clamp(PAUSE, LONGEST_PAUSE);
            }
        }
    }
    if !waiting.kept.is_empty() {
        tracing::error!(reports = waiting.kept.len(), "reports of transfers are lost, because the process ends");
    }
}

async fn collect_and_store(state: &State, waiting: &mut Waiting, metrics: &ReportMetrics) -> Result<(), Problem> {
    let dropped = waiting.collect(MOST_KEPT);
    if dropped > 0 {
        metrics.dropped.inc_by(u64::try_from(dropped).unwrap_or(u64::MAX));
        tracing::error!(reports = dropped, "reports of transfers are lost: the database has taken none for too long");
    }
    while !waiting.kept.is_empty() {
        metrics.waiting.set(i64::try_from(waiting.kept.len()).unwrap_or(i64::MAX));
        match store_first(state, waiting).await {
            Err(e) if e.code == Code::OutcomeUnknown => {
                // Twice would be as wrong as not at all, and checksums are learned again.
                tracing::error!(error = problem::chain(&e), "it is not known whether reports of transfers are stored");
            }
            stored => stored?,
        }
        waiting.kept.drain(..waiting.kept.len().min(MOST));
    }
    metrics.waiting.set(0);
    Ok(())
}

async fn store_first(state: &State, waiting: &Waiting) -> Result<(), Problem> {
    let stored = state.db.write(async |tx| -> Result<(), Problem> {
        for report in waiting.kept.iter().take(MOST) {
            if let Some((manifest, learned)) = &report.learned {
                learn(state, tx, manifest, learned).await?;
            }
            state.outbox.emit(tx, &report.event).await?;
        }
        Ok(())
    });
    stored.await
}

/// Stores checksums with their manifest, and with their files for other manifests.
pub async fn learn(
    state: &State,
    tx: &mut service_kit::Tx,
    manifest: &Manifest,
    learned: &[(usize, u32)],
) -> Result<(), DbError> {
    let Some(id) = manifest.id else { return Ok(()) };
    for (place, crc) in learned {
        store::manifests::learn(tx, id, *place, *crc).await?;
        if let Some(source) = manifest.sources.get(*place) {
            store::checksums::learn(tx, &state.config.storage, &source.location, &source.identity, *crc).await?;
        }
    }
    Ok(())
}
