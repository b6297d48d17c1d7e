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
    let store = async |waiting: &mut Waiting| match collect_and_store(&state, waiting, &metrics).await {
        Ok(()) => true,
        Err(e) => {
            let (error, reports) = (problem::format_error_chain(&e), waiting.kept.len());
            tracing::error!(error, reports, "reports of transfers cannot be stored now; they are kept");
            metrics.failed.inc();
            false
        }
    };
    store_until_stopped(&mut waiting, &stop, store).await;
    if !waiting.kept.is_empty() {
        tracing::error!(reports = waiting.kept.len(), "reports of transfers are lost, because the process ends");
    }
}

/// Calls `store` whenever there is something to store, after a pause if it has just failed, and once more at the stop.
async fn store_until_stopped(
    waiting: &mut Waiting,
    stop: &CancellationToken,
    mut store: impl AsyncFnMut(&mut Waiting) -> bool,
) {
    let mut pause = Duration::ZERO;
    loop {
        // The listeners are closed when it is cancelled, so what is in the box then is all there will be.
        let is_last = stop.is_cancelled();
        let due = async {
            waiting.wait().await;
            tokio::time::sleep(pause).await;
        };
        let _stopped = stop.run_until_cancelled(due).await;
        pause = if store(waiting).await { Duration::ZERO } else { (pause * 2).clamp(PAUSE, LONGEST_PAUSE) };
        if is_last {
            return;
        }
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
                tracing::error!(
                    error = problem::format_error_chain(&e),
                    "it is not known whether reports of transfers are stored"
                );
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::Form;
    use crate::transfer::reports::{Ending, Reports};

    #[tokio::test]
    async fn what_ends_while_others_are_stored_at_the_stop_is_stored_too() {
        let manifest = Arc::new(Manifest::new(None, String::new(), Form::Raw, Vec::new()));
        let (reports, inbox) = Reports::new();
        let end_transfer = || drop(Ending::new(reports.clone(), "db/ada".to_owned(), Arc::clone(&manifest)));
        let stop = CancellationToken::new();
        end_transfer();
        let mut stored = 0;
        store_until_stopped(&mut *inbox.lock().await, &stop, async |waiting| {
            waiting.collect(MOST_KEPT);
            stored += waiting.kept.len();
            waiting.kept.clear();
            if !stop.is_cancelled() {
                end_transfer();
                stop.cancel();
            }
            true
        })
        .await;
        assert_eq!(stored, 2);
    }
}
