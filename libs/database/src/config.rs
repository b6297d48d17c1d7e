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
    #[serde(deserialize_with = "deserialize_duration")]
    pub max_lifetime: Duration,
    #[serde(deserialize_with = "positive_duration")]
    pub read_timeout: Duration,
    #[serde(deserialize_with = "positive_duration")]
    pub lock_timeout: Duration,
    pub migrate: Migrate,
}

/// A span of time written `30s`, `4h`, `1h 30m`.
pub fn deserialize_duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    humantime::parse_duration(&text)
        .map_err(|e| D::Error::custom(format!("`{text}` is no duration like 30s or 4h: {e}")))
}

/// The same, and at least a millisecond: engines take none for "as long as it lasts" or for "not at all", each its own way.
fn positive_duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let duration = deserialize_duration(deserializer)?;
    if duration < Duration::from_millis(1) {
        return Err(D::Error::custom("must be at least 1ms"));
    }
    Ok(duration)
}
