//! Reports of transfers that ended: an event, and the checksums that they recorded. A transfer can end by being dropped,
//! where it cannot wait for a database; so it sends a report, which a worker stores.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError};

use events::messages::download::TransferFinished;
use tokio::sync::Mutex;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::manifest::{Manifest, RecordedChecksums};

pub use events::messages::download::Outcome;

/// One transfer that ended.
#[derive(Debug)]
pub struct TransferReport {
    /// ICAT user name; empty without one.
    pub subject: String,
    pub bytes: u64,
    pub outcome: Outcome,
    pub manifest: Arc<Manifest>,
}

/// Takes reports of transfers; cheap to clone.
#[derive(Debug, Clone)]
pub struct TransferReports {
    sender: UnboundedSender<TransferReport>,
    /// Transfers that have not ended.
    open: Arc<AtomicUsize>,
}

/// The receiving end for the worker; it survives a restart of the worker.
pub type ReportInbox = Arc<Mutex<PendingReports>>;

/// A report that is not stored yet.
#[derive(Debug)]
pub struct PendingReport {
    pub event: TransferFinished,
    /// The checksums that the transfer recorded, with its manifest.
    pub recorded: Option<(Arc<Manifest>, RecordedChecksums)>,
}

impl From<TransferReport> for PendingReport {
    fn from(report: TransferReport) -> Self {
        let TransferReport { subject, bytes, outcome, manifest } = report;
        let recorded = manifest.checksums.take_unsaved();
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        let event = TransferFinished { subject, bytes, outcome: outcome.into() };
        // A manifest may be large, and the database unavailable for long.
        Self { event, recorded: (!recorded.is_empty()).then_some((manifest, recorded)) }
    }
}

/// Reports that are not stored yet.
#[derive(Debug)]
pub struct PendingReports {
    receiver: UnboundedReceiver<TransferReport>,
    /// The oldest comes first.
    pub reports: VecDeque<PendingReport>,
}

impl PendingReports {
    /// Waits until there is a report.
    pub async fn wait_for_report(&mut self) {
        if self.reports.is_empty()
            && let Some(report) = self.receiver.recv().await
        {
            self.reports.push_back(report.into());
        }
    }

    /// Takes all reports from the channel and drops the oldest ones beyond `max`; how many it dropped.
    pub fn collect_reports(&mut self, max: usize) -> usize {
        while let Ok(report) = self.receiver.try_recv() {
            self.reports.push_back(report.into());
        }
        let too_many = self.reports.len().saturating_sub(max);
        self.reports.drain(..too_many);
        too_many
    }
}

impl TransferReports {
    pub fn new() -> (Self, ReportInbox) {
        let (sender, receiver) = unbounded_channel();
        let pending = PendingReports { receiver, reports: VecDeque::new() };
        (Self { sender, open: Arc::default() }, Arc::new(Mutex::new(pending)))
    }

    /// How many transfers of this process have not ended.
    pub fn count_open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    pub fn send(&self, report: TransferReport) {
        if let Err(e) = self.sender.send(report) {
            tracing::warn!(
                bytes = e.0.bytes,
                "a transfer ended after the worker that stores reports; its event is lost"
            );
        }
    }
}

/// Sends the report of a transfer when it is dropped.
pub struct ReportGuard {
    reports: TransferReports,
    report: std::sync::Mutex<Option<TransferReport>>,
}

impl ReportGuard {
    pub fn new(reports: TransferReports, subject: String, manifest: Arc<Manifest>) -> Self {
        reports.open.fetch_add(1, Ordering::Relaxed);
        let report = TransferReport { subject, bytes: 0, outcome: Outcome::Abandoned, manifest };
        Self { reports, report: std::sync::Mutex::new(Some(report)) }
    }

    pub fn add_bytes(&self, bytes: u64) {
        self.update_report(|report| report.bytes += bytes);
    }

    pub fn set_outcome(&self, outcome: Outcome) {
        self.update_report(|report| report.outcome = outcome);
    }

    fn update_report(&self, change: impl FnOnce(&mut TransferReport)) {
        if let Some(report) = &mut *self.report.lock().unwrap_or_else(PoisonError::into_inner) {
            change(report);
        }
    }
}

impl Drop for ReportGuard {
    fn drop(&mut self) {
        self.reports.open.fetch_sub(1, Ordering::Relaxed);
        if let Some(report) = self.report.lock().unwrap_or_else(PoisonError::into_inner).take() {
            self.reports.send(report);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::archive::LayoutFormat;

    use super::*;

    #[test]
    fn the_oldest_of_too_many_reports_are_dropped() {
        let manifest = Arc::new(Manifest::new(None, String::new(), LayoutFormat::Raw, Vec::new()));
        let (reports, inbox) = TransferReports::new();
        for bytes in 0..5 {
            let report = ReportGuard::new(reports.clone(), "db/ada".to_owned(), Arc::clone(&manifest));
            report.add_bytes(bytes);
        }
        let mut pending = inbox.try_lock().unwrap();
        assert_eq!(pending.collect_reports(3), 2);
        let bytes: Vec<i64> = pending.reports.iter().map(|report| report.event.bytes).collect();
        assert_eq!(bytes, [2, 3, 4]);
        assert!(
            pending.reports.iter().all(|report| report.recorded.is_none()),
            "a report without checksums keeps no manifest"
        );
    }
}
