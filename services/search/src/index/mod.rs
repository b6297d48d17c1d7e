//! The embedded search engine, on tantivy.

mod directories;
mod document;
pub mod error;
pub mod identity;
mod order;
mod pattern;
mod query;
mod schema;
pub mod snapshot;
pub mod writer;

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

pub use self::order::compare_values;
use self::snapshot::Snapshot;

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

    /// Publishes a snapshot under the next number.
    pub fn replace_snapshot(&self, snapshot: Snapshot) {
        self.0.send_modify(|current| {
            let number = current.as_ref().map_or(0, |current| current.number) + 1;
            *current = Some(Snapshot { number, ..snapshot });
        });
    }
}
