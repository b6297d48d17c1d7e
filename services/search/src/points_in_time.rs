//! Snapshots that pages of running searches show, so that rows are neither repeated nor left out while the index changes.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use service_kit::{Clock, Micros};

use crate::index::snapshot::Snapshot;

/// How long a snapshot is kept after a page of it was sent.
const KEPT_FOR: Duration = Duration::from_mins(5);
/// Snapshots that are kept. Each has files open that may have been merged since.
const MAX_KEPT: usize = 32;

/// The snapshots of searches that may go on.
pub struct PointsInTime {
    clock: Arc<dyn Clock>,
    /// Of this start of the process: numbers of snapshots begin again with each.
    process: String,
    kept: Mutex<VecDeque<KeptSnapshot>>,
}

struct KeptSnapshot {
    snapshot: Snapshot,
    used_at: Micros,
}

impl PointsInTime {
    pub fn new(clock: Arc<dyn Clock>, process: String) -> Self {
        Self { clock, process, kept: Mutex::default() }
    }

    /// Keeps a snapshot for the next page; returns its name in the cursor.
    pub fn keep_snapshot(&self, snapshot: &Snapshot) -> String {
        let now = self.clock.now_micros();
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|kept| kept.snapshot.number != snapshot.number && now.duration_since(kept.used_at) < KEPT_FOR);
        kept.push_back(KeptSnapshot { snapshot: snapshot.clone(), used_at: now });
        while kept.len() > MAX_KEPT {
            kept.pop_front();
        }
        format!("{}-{}", self.process, snapshot.number)
    }

    /// A snapshot that is still kept.
    pub fn find_snapshot(&self, name: &str) -> Option<Snapshot> {
        let number: u64 = name.strip_prefix(&self.process)?.strip_prefix('-')?.parse().ok()?;
        let now = self.clock.now_micros();
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let found = kept.iter().find(|kept| kept.snapshot.number == number)?;
        (now.duration_since(found.used_at) < KEPT_FOR).then(|| found.snapshot.clone())
    }
}
