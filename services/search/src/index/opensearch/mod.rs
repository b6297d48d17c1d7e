//! The engine outside the process: indices of an OpenSearch cluster, version 2.15 or newer.
//!
//! There is one index for each partition, and one of directories. Their names end with the identity of the index; aliases without
//! it always name the current ones. All documents have ids of their own and all writes have versions, so that a write whose answer
//! was lost can be repeated, and one that arrives late changes nothing.

mod bulk;
mod client;
mod directories;
mod document;
mod mapping;
mod names;
mod query;
mod regexp;
mod sort;
mod view;
mod writer;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use reqwest::Method;
use serde_json::json;
use service_kit::{ConfigError, Ctx, Secret};

use self::client::{Call, OpenSearchClient};
use self::names::IndexNames;
use self::view::OpenSearchView;
pub use self::writer::OpenSearchWriter;
use super::error::IndexError;
use super::index_view::IndexView;

/// The first version with fields of the type `wildcard`.
const OLDEST_VERSION: (u64, u64) = (2, 15);
/// The first version with conditions that are bitmaps.
const BITMAP_VERSION: (u64, u64) = (2, 17);

/// `[search.opensearch]`; `config.default.toml` explains each setting.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenSearchConfig {
    pub url: String,
    pub user: String,
    pub password: Secret,
    pub index_prefix: String,
    pub datafile_shards: u32,
    pub replicas: u32,
}

impl OpenSearchConfig {
    /// Says what is wrong with the settings.
    pub fn check(&self) -> Result<(), ConfigError> {
        let url = reqwest::Url::parse(&self.url).map_err(|e| ConfigError(format!("search.opensearch.url: {e}")))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(ConfigError("search.opensearch.url must begin with http:// or https://".to_owned()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(ConfigError(
                "search.opensearch.url must have no account; set search.opensearch.user and password".to_owned(),
            ));
        }
        let is_allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if !self.index_prefix.starts_with(|c: char| c.is_ascii_lowercase())
            || !self.index_prefix.chars().all(is_allowed)
        {
            return Err(ConfigError(
                "search.opensearch.index_prefix must be lower-case letters, digits and \"-\", and begin with a letter"
                    .to_owned(),
            ));
        }
        if self.datafile_shards == 0 {
            return Err(ConfigError("search.opensearch.datafile_shards must be at least 1".to_owned()));
        }
        Ok(())
    }
}

/// An index of a cluster, and how it is reached.
pub struct OpenSearchIndex {
    client: OpenSearchClient,
    names: IndexNames,
    datafile_shards: u32,
    replicas: u32,
    /// Higher after each commit of this process.
    commits: AtomicU64,
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
            version: OnceLock::new(),
        }
    }

    /// Asks the cluster for its version. Blocks the thread.
    pub fn connect(&self) -> Result<(), IndexError> {
        let answer = self.client.call(Call::new(Method::GET, "/", String::new()))?;
        if answer["version"]["distribution"] != json!("opensearch") {
            return Err(IndexError::Refused("the server at search.opensearch.url is not OpenSearch".to_owned()));
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

    /// The rows as they are now.
    pub fn open_view(self: &Arc<Self>) -> Arc<dyn IndexView> {
        Arc::new(OpenSearchView::new(Arc::clone(self)))
    }

    fn has_bitmaps(&self) -> bool {
        self.version.get().is_some_and(|version| *version >= BITMAP_VERSION)
    }

    fn count_commits(&self) -> u64 {
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

    fn check_setting(url: &str, prefix: &str, shards: u32) -> Result<(), String> {
        let config = OpenSearchConfig {
            url: url.to_owned(),
            user: String::new(),
            password: Secret::default(),
            index_prefix: prefix.to_owned(),
            datafile_shards: shards,
            replicas: 0,
        };
        config.check().map_err(|e| e.0)
    }

    #[test]
    fn wrong_settings_are_named() {
        assert_eq!(check_setting("https://search.example.org:9200", "undulator", 1), Ok(()));
        for (url, prefix, shards, named) in [
            ("search", "undulator", 1, "url"),
            ("ftp://search", "undulator", 1, "url"),
            ("https://user:secret@search", "undulator", 1, "password"),
            ("https://search", "Undulator", 1, "index_prefix"),
            ("https://search", "", 1, "index_prefix"),
            ("https://search", "undulator", 0, "datafile_shards"),
        ] {
            let error = check_setting(url, prefix, shards).unwrap_err();
            assert!(error.contains(named) && !error.contains("secret@"), "{error}");
        }
    }
}
