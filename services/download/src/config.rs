//! Settings of downloads.

use serde::Deserialize;
use service_kit::{Config as Settings, ConfigError};

/// `[download]`; see `config.default.toml` for each one's meaning.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub storage: String,
}

impl Config {
    pub fn read(settings: &Settings) -> Result<Self, ConfigError> {
        settings.section("download")
    }
}
