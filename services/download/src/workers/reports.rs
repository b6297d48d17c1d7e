//! Stores the reports of transfers. Every replica stores its own, and keeps them in memory while the database is not
//! available.

use std::sync::Arc;
use std::time::Duration;

use events::Outbox;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use service_kit::{Code, Ctx, Db, Problem, Worker, problem};
use tokio_util::sync::CancellationToken;

use crate::manifest::Manifests;
use crate::transfer::reports::{PendingReports, ReportInbox};

/// Reports stored in one transaction.
const REPORTS_PER_TRANSACTION: usize = 100;
/// Reports that are kept in memory.
const MAX_PENDING: usize = 10_000;
/// Pause after a failure; it doubles up to the longest.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

#[derive(Clone, Default)]
struct ReportMetrics {
    waiting: Gauge,
    failed: Counter,
    dropped: Counter,
}

/// Stores reports with the checksums that their transfers recorded.
struct ReportStore {
    db: Db,
    outbox: Outbox,
    manifests: Arc<Manifests>,
    inbox: ReportInbox,
    metrics: ReportMetrics,
    stop: CancellationToken,
}

pub fn build_worker(ctx: &Ctx, outbox: Outbox, manifests: Arc<Manifests>, inbox: ReportInbox) -> Worker {
    let metrics = ReportMetrics::default();
    let m = &ctx.process.metrics;
    m.register(
        "undulator_download_reports_waiting",
        "Reports of transfers that are not stored yet",
        metrics.waiting.clone(),
    );
    m.register(
        "undulator_download_reports_failed",
        "Failed attempts to store reports of transfers",
        metrics.failed.clone(),
    );
    m.register("undulator_download_reports_dropped", "Reports of transfers that were lost", metrics.dropped.clone());
    let store = Arc::new(ReportStore { db: ctx.db.clone(), outbox, manifests, inbox, metrics, stop: ctx.stop.clone() });
    Worker::new("download.reports", move || Arc::clone(&store).run())
}

impl ReportStore {
    async fn run(self: Arc<Self>) {
        let mut pending = self.inbox.lock().await;
        let store = async |pending: &mut PendingReports| match self.store_pending(pending).await {
            Ok(()) => true,
            Err(e) => {
                let (error, reports) = (problem::format_error_chain(&e), pending.reports.len());
                tracing::error!(error, reports, "cannot store reports of transfers now; they are kept in memory");
                self.metrics.failed.inc();
                false
            }
        };
        store_until_stopped(&mut pending, &self.stop, store).await;
        if !pending.reports.is_empty() {
            tracing::error!(reports = pending.reports.len(), "reports of transfers are lost, because the process ends");
        }
    }

    async fn store_pending(&self, pending: &mut PendingReports) -> Result<(), Problem> {
        let dropped = pending.collect_reports(MAX_PENDING);
        if dropped > 0 {
            self.metrics.dropped.inc_by(u64::try_from(dropped).unwrap_or(u64::MAX));
            tracing::error!(
                reports = dropped,
                "reports of transfers are lost: the database was not available for too long"
            );
        }
        while !pending.reports.is_empty() {
            self.metrics.waiting.set(i64::try_from(pending.reports.len()).unwrap_or(i64::MAX));
            match self.store_first(pending).await {
                Err(e) if e.code == Code::OutcomeUnknown => {
                    // A second event would be as wrong as none, and checksums are computed again.
                    tracing::error!(
                        error = problem::format_error_chain(&e),
                        "reports of transfers may be stored or not"
                    );
                }
                stored => stored?,
            }
            pending.reports.drain(..pending.reports.len().min(REPORTS_PER_TRANSACTION));
        }
        self.metrics.waiting.set(0);
        Ok(())
    }

    async fn store_first(&self, pending: &PendingReports) -> Result<(), Problem> {
        let stored = self.db.write(async |tx| -> Result<(), Problem> {
            for report in pending.reports.iter().take(REPORTS_PER_TRANSACTION) {
                if let Some((manifest, recorded)) = &report.recorded {
                    self.manifests.store_checksums(tx, manifest, recorded).await?;
                }
                self.outbox.emit(tx, &report.event).await?;
            }
            Ok(())
        });
        stored.await
    }
}

/// Calls `store` whenever there are reports, after a pause if it has just failed, and once more at the stop.
async fn store_until_stopped(
    pending: &mut PendingReports,
    stop: &CancellationToken,
    mut store: impl AsyncFnMut(&mut PendingReports) -> bool,
) {
    let mut pause = Duration::ZERO;
    loop {
        // The listeners are closed before the token is cancelled, so no report comes later.
        let is_last = stop.is_cancelled();
        let due = async {
            pending.wait_for_report().await;
            tokio::time::sleep(pause).await;
        };
        let _stopped = stop.run_until_cancelled(due).await;
        pause = if store(pending).await { Duration::ZERO } else { (pause * 2).clamp(FIRST_PAUSE, LONGEST_PAUSE) };
        if is_last {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::archive::LayoutFormat;
    use crate::manifest::Manifest;
    use crate::transfer::reports::{ReportGuard, TransferReports};

    #[tokio::test]
    async fn transfers_that_end_during_the_last_write_are_stored_too() {
        let manifest = Arc::new(Manifest::new(None, String::new(), LayoutFormat::Raw, Vec::new()));
        let (reports, inbox) = TransferReports::new();
        let end_transfer = || drop(ReportGuard::new(reports.clone(), "db/ada".to_owned(), Arc::clone(&manifest)));
        let stop = CancellationToken::new();
        end_transfer();
        let mut stored = 0;
        store_until_stopped(&mut *inbox.lock().await, &stop, async |pending| {
            pending.collect_reports(MAX_PENDING);
            stored += pending.reports.len();
            pending.reports.clear();
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
