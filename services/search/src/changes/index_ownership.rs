//! Which process writes the index: the one that has opened it.

use std::sync::Arc;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Whether this process writes the index. Cheap to clone.
#[derive(Debug, Clone)]
pub struct IndexOwnership(Arc<watch::Sender<bool>>);

impl Default for IndexOwnership {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }
}

impl IndexOwnership {
    pub(super) fn set_owner(&self, is_owner: bool) {
        self.0.send_if_modified(|current| std::mem::replace(current, is_owner) != is_owner);
    }

    /// Waits until this process writes the index; `false` if it is stopped before.
    pub async fn wait_until_owner(&self, stop: &CancellationToken) -> bool {
        let mut changes = self.0.subscribe();
        tokio::select! {
            biased;
            () = stop.cancelled() => false,
            outcome = changes.wait_for(|is_owner| *is_owner) => outcome.is_ok(),
        }
    }
}
