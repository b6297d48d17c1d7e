//! Manifests in memory, so that a request for a range does not read all their rows.

use std::sync::Arc;

use moka::sync::Cache;
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::Manifest;

/// Manifests that are being read at the same moment; beyond that, one may be read twice.
const READERS: u64 = 1000;

/// Cheap to clone.
#[derive(Clone)]
pub struct Manifests {
    read: Cache<i64, Arc<Manifest>>,
    readers: Cache<i64, Arc<Mutex<()>>>,
}

impl Manifests {
    /// `bytes` is what all of them may hold.
    pub fn new(bytes: u64) -> Self {
        let weigh = |_: &i64, manifest: &Arc<Manifest>| u32::try_from(manifest.weight()).unwrap_or(u32::MAX);
        Self { read: Cache::builder().weigher(weigh).max_capacity(bytes).build(), readers: Cache::new(READERS) }
    }

    pub fn get(&self, id: i64) -> Option<Arc<Manifest>> {
        self.read.get(&id)
    }

    /// To be held while the rows of a manifest are read, so that of all who come at once only one does it.
    pub async fn turn(&self, id: i64) -> OwnedMutexGuard<()> {
        self.readers.get_with(id, Arc::default).lock_owned().await
    }

    /// Puts a manifest in; the one that is there already, if somebody was faster, because transfers share what they learn.
    pub fn put(&self, id: i64, manifest: Manifest) -> Arc<Manifest> {
        self.read.get_with(id, || Arc::new(manifest))
    }

    pub fn forget(&self, id: i64) {
        self.read.invalidate(&id);
    }
}
