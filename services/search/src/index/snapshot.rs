//! The newest state of the index, shared by all searches.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

use super::index_view::IndexView;

/// The index at one moment. Cheap to clone.
#[derive(Clone)]
pub struct Snapshot {
    /// Higher for each commit of this process.
    pub number: u64,
    /// Whether it has all rows that the catalogue had when the index was filled.
    pub is_complete: bool,
    view: Arc<dyn IndexView>,
}

impl Deref for Snapshot {
    type Target = dyn IndexView;

    fn deref(&self) -> &Self::Target {
        &*self.view
    }
}

/// The newest snapshot; none until the index is open. Cheap to clone.
#[derive(Clone)]
pub struct SharedSnapshot(watch::Sender<Option<Snapshot>>);

impl Default for SharedSnapshot {
    fn default() -> Self {
        Self(watch::Sender::new(None))
    }
}

impl SharedSnapshot {
    /// Waits while the index is being opened; `None` if it is not open in time.
    pub async fn wait_for_snapshot(&self, limit: Duration) -> Option<Snapshot> {
        let mut snapshots = self.0.subscribe();
        let snapshot = timeout(limit, snapshots.wait_for(Option::is_some)).await.ok()?.ok()?;
        snapshot.clone()
    }

    /// Publishes a view as the snapshot with the next number.
    pub fn publish_view(&self, view: Arc<dyn IndexView>, is_complete: bool) {
        self.0.send_modify(|current| {
            let number = current.as_ref().map_or(0, |current| current.number) + 1;
            *current = Some(Snapshot { number, is_complete, view });
        });
    }

    /// Whether the newest snapshot has all rows that the catalogue had when the index was filled.
    pub fn is_complete(&self) -> bool {
        self.0.borrow().as_ref().is_some_and(|snapshot| snapshot.is_complete)
    }
}
