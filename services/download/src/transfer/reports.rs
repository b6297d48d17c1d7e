//! What transfers leave behind when they end: an event, and the checksums that they learned. A transfer can end by
//! being dropped, where nothing can wait for a database; so it reports here, and a worker stores it.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError};

use events::messages::download::TransferFinished;
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
pub type Inbox = Arc<Mutex<Waiting>>;

/// Checksums by their places in a manifest.
pub type Learned = Vec<(usize, u32)>;

/// A report until it is stored.
#[derive(Debug)]
pub struct Kept {
    pub event: TransferFinished,
    /// The checksums that the transfer has learned, by their places in its manifest.
    pub learned: Option<(Arc<Manifest>, Learned)>,
}

impl From<Report> for Kept {
    fn from(report: Report) -> Self {
        let Report { subject, bytes, outcome, manifest } = report;
        let learned = manifest.crcs.take_fresh();
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        let event = TransferFinished { subject, bytes, outcome: outcome.into() };
        // A manifest may be large, and the database away for long.
        Self { event, learned: (!learned.is_empty()).then_some((manifest, learned)) }
    }
}

/// Reports that are not stored yet.
#[derive(Debug)]
pub struct Waiting {
    receiver: UnboundedReceiver<Report>,
    /// From the oldest.
    pub kept: VecDeque<Kept>,
}

impl Waiting {
    /// Waits until there is something to store.
    pub async fn wait(&mut self) {
        if self.kept.is_empty()
            && let Some(report) = self.receiver.recv().await
        {
            self.kept.push_back(report.into());
        }
    }

    /// Takes what there is, and forgets the oldest of more than `most`; how many those were.
    pub fn collect(&mut self, most: usize) -> usize {
        while let Ok(report) = self.receiver.try_recv() {
            self.kept.push_back(report.into());
        }
        let too_many = self.kept.len().saturating_sub(most);
        self.kept.drain(..too_many);
        too_many
    }
}

impl Reports {
    pub fn new() -> (Self, Inbox) {
        let (sender, receiver) = unbounded_channel();
        let waiting = Waiting { receiver, kept: VecDeque::new() };
        (Self { sender, open: Arc::default() }, Arc::new(Mutex::new(waiting)))
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

#[cfg(test)]
mod tests {
    use crate::domain::archive::Form;

    use super::*;

    #[test]
    fn the_oldest_of_too_many_reports_go() {
        let manifest = Arc::new(Manifest::new(None, String::new(), Form::Raw, Vec::new()));
        let (reports, inbox) = Reports::new();
        for bytes in 0..5 {
            let ending = Ending::new(reports.clone(), "db/ada".to_owned(), Arc::clone(&manifest));
            ending.sent(bytes);
        }
        let mut waiting = inbox.try_lock().unwrap();
        assert_eq!(waiting.collect(3), 2);
        let bytes: Vec<i64> = waiting.kept.iter().map(|kept| kept.event.bytes).collect();
        assert_eq!(bytes, [2, 3, 4]);
        assert!(waiting.kept.iter().all(|kept| kept.learned.is_none()), "what has learned nothing keeps no manifest");
    }
}
