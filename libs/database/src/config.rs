//! The settings of `[database]`.

use std::time::Duration;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use crate::Migrate;

/// Where the rows are kept and how the connections behave; the comments of `config.default.toml` say more.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatabaseConfig {
    pub url: Option<String>,
    pub max_connections: u32,
    #[serde(deserialize_with = "duration")]
    pub max_lifetime: Duration,
    #[serde(deserialize_with = "duration")]
    pub read_timeout: Duration,
    pub migrate: Migrate,
}

/// A span of time written `30s`, `4h`, `1h 30m`.
pub fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    humantime::parse_duration(&text)
        .map_err(|e| D::Error::custom(format!("`{text}` is no duration like 30s or 4h: {e}")))
}
