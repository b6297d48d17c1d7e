//! How many connections of a pool are in use.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many connections of a pool have a transaction. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct UseCount(Arc<AtomicUsize>);

impl UseCount {
    pub fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    pub(super) fn count_use(&self) -> InUse {
        self.0.fetch_add(1, Ordering::Relaxed);
        InUse(Arc::clone(&self.0))
    }
}

/// One of them.
pub(super) struct InUse(Arc<AtomicUsize>);

impl Drop for InUse {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
