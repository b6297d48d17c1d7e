//! What transfers leave behind when they end: an event, and the checksums that they learned. A transfer can end by
//! being dropped, where nothing can wait for a database; so it reports here, and a worker stores it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError};

use tokio::sync::Mutex;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::manifest::Manifest;

pub use events::messages::download::Outcome;

/// One transfer that ended.
#[derive(Debug)]
pub struct Report {
    /// ICAT user name; empty if nobody's.
    pub subject: String,
    pub bytes: u64,
    pub outcome: Outcome,
    pub manifest: Arc<Manifest>,
}

/// Where transfers report; cheap to clone.
#[derive(Debug, Clone)]
pub struct Reports {
    sender: UnboundedSender<Report>,
    /// Transfers that have not ended.
    open: Arc<AtomicUsize>,
}

/// The worker's end, which outlives the worker when that is started again.
pub type Inbox = Arc<Mutex<UnboundedReceiver<Report>>>;

impl Reports {
    pub fn new() -> (Self, Inbox) {
        let (sender, receiver) = unbounded_channel();
        (Self { sender, open: Arc::default() }, Arc::new(Mutex::new(receiver)))
    }

    /// How many transfers are under way in this process.
    pub fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    pub fn send(&self, report: Report) {
        if let Err(e) = self.sender.send(report) {
            tracing::warn!(bytes = e.0.bytes, "a transfer ended after the process; its event is lost");
        }
    }
}

/// Reports when it is dropped, however that comes about.
pub struct Ending {
    reports: Reports,
    report: std::sync::Mutex<Option<Report>>,
}

impl Ending {
    pub fn new(reports: Reports, subject: String, manifest: Arc<Manifest>) -> Self {
        reports.open.fetch_add(1, Ordering::Relaxed);
        let report = Report { subject, bytes: 0, outcome: Outcome::Abandoned, manifest };
        Self { reports, report: std::sync::Mutex::new(Some(report)) }
    }

    pub fn sent(&self, bytes: u64) {
        self.change(|report| report.bytes += bytes);
    }

    pub fn is(&self, outcome: Outcome) {
        self.change(|report| report.outcome = outcome);
    }

    fn change(&self, change: impl FnOnce(&mut Report)) {
        if let Some(report) = &mut *self.report.lock().unwrap_or_else(PoisonError::into_inner) {
            change(report);
        }
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.reports.open.fetch_sub(1, Ordering::Relaxed);
        if let Some(report) = self.report.lock().unwrap_or_else(PoisonError::into_inner).take() {
            self.reports.send(report);
        }
    }
}
