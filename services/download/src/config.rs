//! Settings of downloads.

use std::time::Duration;

use bytesize::ByteSize;
use serde::Deserialize;
use service_kit::config::deserialize_duration;
use service_kit::{Config as Settings, ConfigError};

/// `[download]`; `config.default.toml` explains each setting.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub storage: String,
    #[serde(deserialize_with = "deserialize_duration")]
    pub prepared_lifetime: Duration,
    pub trust_checksums: bool,
    pub root_user_names: Vec<String>,
    pub hash_at_once: ByteSize,
    pub manifest_memory: ByteSize,
    #[serde(deserialize_with = "deserialize_duration")]
    pub signed_url_lifetime: Duration,
    #[serde(deserialize_with = "deserialize_duration")]
    pub unclaimed_after: Duration,
}

impl Config {
    pub fn from_settings(settings: &Settings) -> Result<Self, ConfigError> {
        settings.section("download")
    }
}
