//! The indices of a facility in a cluster.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Instant;

use reqwest::Method;
use serde_json::json;
use service_kit::Ctx;

use super::client::{Call, OpenSearchClient};
use super::config::OpenSearchConfig;
use super::names::IndexNames;
use crate::index::error::IndexError;

/// The first version with fields of the type `wildcard`.
const OLDEST_VERSION: (u64, u64) = (2, 15);
/// The first version with conditions that are bitmaps.
const BITMAP_VERSION: (u64, u64) = (2, 17);

/// An index of a cluster, and how it is reached.
pub struct OpenSearchIndex {
    pub(super) client: OpenSearchClient,
    pub(super) names: IndexNames,
    pub(super) datafile_shards: u32,
    pub(super) replicas: u32,
    /// Higher after each commit of this process; in processes that do not write, how often the index was refreshed.
    pub(super) commits: AtomicU64,
    /// Until when this process may write; afterwards another one may.
    writable_until: Mutex<Option<Instant>>,
    /// Major and minor version, once the cluster has answered.
    version: OnceLock<(u64, u64)>,
}

impl OpenSearchIndex {
    /// Must be called in the main runtime of the process.
    pub fn new(ctx: &Ctx, config: &OpenSearchConfig) -> Self {
        Self {
            client: OpenSearchClient::new(ctx, config),
            names: IndexNames::new(&config.index_prefix),
            datafile_shards: config.datafile_shards,
            replicas: config.replicas,
            commits: AtomicU64::new(0),
            writable_until: Mutex::new(None),
            version: OnceLock::new(),
        }
    }

    /// Asks the cluster for its version. Blocks the thread.
    pub fn connect(&self) -> Result<(), IndexError> {
        let answer = self.client.request_json(Call::new(Method::GET, "/", String::new()))?;
        if answer["version"]["distribution"] != json!("opensearch") {
            return Err(IndexError::Refused("the server at search.opensearch_url is not OpenSearch".to_owned()));
        }
        let text = answer["version"]["number"].as_str().unwrap_or_default();
        let version = parse_version(text).filter(|version| *version >= OLDEST_VERSION);
        let version = version.ok_or_else(|| {
            let (major, minor) = OLDEST_VERSION;
            IndexError::Refused(format!("OpenSearch {text} is too old; version {major}.{minor} or newer is needed"))
        })?;
        self.version.get_or_init(|| version);
        Ok(())
    }

    /// Lets this process write until then; `None`: not any more.
    pub fn allow_writes_until(&self, moment: Option<Instant>) {
        *self.writable_until.lock().unwrap_or_else(PoisonError::into_inner) = moment;
    }

    /// Fails when another process may write.
    pub(super) fn check_writable(&self) -> Result<(), IndexError> {
        let until = *self.writable_until.lock().unwrap_or_else(PoisonError::into_inner);
        if until.is_some_and(|until| Instant::now() < until) { Ok(()) } else { Err(IndexError::LeaseLost) }
    }

    /// Says that the index was committed by another process.
    pub fn set_commits(&self, commits: u64) {
        self.commits.store(commits, Ordering::Release);
    }

    /// Whether conditions may be bitmaps.
    pub(super) fn has_bitmaps(&self) -> bool {
        self.version.get().is_some_and(|version| *version >= BITMAP_VERSION)
    }

    pub(super) fn count_commits(&self) -> u64 {
        self.commits.load(Ordering::Acquire)
    }
}

/// Major and minor of a version, such as `2.19.6`.
fn parse_version(text: &str) -> Option<(u64, u64)> {
    let mut parts = text.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_number() {
        assert!(parse_version("2.19.6").unwrap() > BITMAP_VERSION);
        assert!(parse_version("2.9.0").unwrap() < OLDEST_VERSION);
        assert!(parse_version("3.0.0-beta1").unwrap() > BITMAP_VERSION);
        assert_eq!(parse_version("unknown"), None);
    }
}
