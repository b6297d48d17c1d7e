//! Settings of the search.

use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;
use serde::Deserialize;
use service_kit::config::deserialize_duration;
use service_kit::{Config as Settings, ConfigError};

use crate::domain::analysis::synonyms::Synonyms;
use crate::domain::units::Units;

const DEFAULT_SYNONYMS: &str = include_str!("../synonyms.txt");

/// `[search]`; `config.default.toml` explains each setting.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub icat_server_addresses: Vec<IpNet>,
    pub path_separators: Vec<char>,
    pub synonyms_file: PathBuf,
    pub facet_fields: Vec<String>,
    pub units: Units,
    #[serde(deserialize_with = "deserialize_duration")]
    pub max_search_time: Duration,
    #[serde(deserialize_with = "deserialize_duration")]
    pub commit_interval: Duration,
    pub index_dir: PathBuf,
}

impl Config {
    pub fn from_settings(settings: &Settings) -> Result<Self, ConfigError> {
        let config: Self = settings.section("search")?;
        if config.max_search_time < Duration::from_millis(1) {
            return Err(ConfigError("search.max_search_time must be at least 1ms".to_owned()));
        }
        Ok(config)
    }

    /// The directory of the index; a relative one lies below `data_dir`.
    pub fn index_directory(&self, data_dir: &Path) -> PathBuf {
        data_dir.join(&self.index_dir)
    }

    /// The synonyms of the file in the settings, or our own.
    pub fn read_synonyms(&self) -> Result<Synonyms, ConfigError> {
        let file = &self.synonyms_file;
        if file.as_os_str().is_empty() {
            return Synonyms::parse(DEFAULT_SYNONYMS).map_err(|e| ConfigError(format!("the default synonyms: {e}")));
        }
        let refused = |e: &dyn std::fmt::Display| ConfigError(format!("search.synonyms_file {}: {e}", file.display()));
        let text = std::fs::read_to_string(file).map_err(|e| refused(&e))?;
        Synonyms::parse(&text).map_err(|e| refused(&e))
    }
}
