//! Manifests in memory, so that a request for a range does not read all their rows.

use std::sync::Arc;

use moka::sync::Cache;

use super::Manifest;

/// Cheap to clone.
#[derive(Clone)]
pub struct Manifests(Cache<i64, Arc<Manifest>>);

impl Manifests {
    /// `bytes` is what all of them may hold.
    pub fn new(bytes: u64) -> Self {
        let weigh = |_: &i64, manifest: &Arc<Manifest>| u32::try_from(manifest.weight()).unwrap_or(u32::MAX);
        Self(Cache::builder().weigher(weigh).max_capacity(bytes).build())
    }

    pub fn get(&self, id: i64) -> Option<Arc<Manifest>> {
        self.0.get(&id)
    }

    /// Puts a manifest in; the one that is there already, if somebody was faster, because transfers share what they learn.
    pub fn put(&self, id: i64, manifest: Manifest) -> Arc<Manifest> {
        self.0.get_with(id, || Arc::new(manifest))
    }

    pub fn forget(&self, id: i64) {
        self.0.invalidate(&id);
    }
}
