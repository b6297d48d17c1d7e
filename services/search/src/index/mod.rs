//! The embedded search engine, on tantivy.

mod document;
pub mod error;
mod order;
mod pattern;
mod query;
mod schema;
pub mod snapshot;
pub mod writer;

use std::sync::{Arc, PoisonError, RwLock};

use self::snapshot::Snapshot;

/// The newest snapshot; `None` until the index is open. Cheap to clone.
#[derive(Clone, Default)]
pub struct SharedSnapshot(Arc<RwLock<Option<Snapshot>>>);

impl SharedSnapshot {
    pub fn get_snapshot(&self) -> Option<Snapshot> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn replace_snapshot(&self, snapshot: Snapshot) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(snapshot);
    }
}
