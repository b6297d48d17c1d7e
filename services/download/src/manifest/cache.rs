//! Manifests in memory, so that a request for a range does not load all their rows.

use std::sync::Arc;

use moka::sync::Cache;
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::Manifest;

/// Manifests that are loaded at the same moment; with more, one may be loaded twice.
const MAX_LOADING: u64 = 1000;

/// Cheap to clone.
#[derive(Clone)]
pub struct ManifestCache {
    loaded: Cache<i64, Arc<Manifest>>,
    loading: Cache<i64, Arc<Mutex<()>>>,
}

impl ManifestCache {
    /// `bytes` is what all of them may hold.
    pub fn new(bytes: u64) -> Self {
        let weigh = |_: &i64, manifest: &Arc<Manifest>| u32::try_from(manifest.memory_size()).unwrap_or(u32::MAX);
        Self { loaded: Cache::builder().weigher(weigh).max_capacity(bytes).build(), loading: Cache::new(MAX_LOADING) }
    }

    pub fn get(&self, id: i64) -> Option<Arc<Manifest>> {
        self.loaded.get(&id)
    }

    /// Held while the rows of a manifest are loaded, so that of simultaneous requests only one does it.
    pub async fn lock_loading(&self, id: i64) -> OwnedMutexGuard<()> {
        self.loading.get_with(id, Arc::default).lock_owned().await
    }

    /// Inserts a manifest, unless there is one already, and returns the one in the cache: all transfers share its checksums.
    pub fn insert(&self, id: i64, manifest: Manifest) -> Arc<Manifest> {
        self.loaded.get_with(id, || Arc::new(manifest))
    }

    pub fn remove(&self, id: i64) {
        self.loaded.invalidate(&id);
    }
}
