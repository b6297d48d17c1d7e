//! Settings of the probe.

use serde::Deserialize;
use service_kit::{Config as Settings, ConfigError};

/// `[probe]`; see `config.default.toml` for each one's meaning.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub largest_page: i64,
}

impl Config {
    /// Reads and checks the section; called at the start of a process and by `config check`.
    pub fn from_settings(settings: &Settings) -> Result<Self, ConfigError> {
        let config: Self = settings.section("probe")?;
        if config.largest_page < 1 {
            return Err(ConfigError("probe.largest_page must be at least 1".to_owned()));
        }
        Ok(config)
    }
}
