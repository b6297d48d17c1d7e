//! Settings of logins.

use std::path::PathBuf;

use serde::Deserialize;
use service_kit::{Config as Settings, ConfigError};
use std::ops::RangeInclusive;

/// Below the first length guessing pays off, above the second nobody types it.
const MIN_LENGTHS: RangeInclusive<usize> = 8..=128;

/// `[auth]`; see `config.default.toml` for each one's meaning.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Empty: a directory of our own below `data_dir`.
    pub keys_dir: PathBuf,
    pub local_mechanisms: Vec<String>,
    /// In characters; for new passwords.
    pub password_min_length: usize,
    pub minters: Vec<String>,
    pub beta_testers: Vec<String>,
}

impl Config {
    pub fn read(settings: &Settings) -> Result<Self, ConfigError> {
        let config: Self = settings.section("auth")?;
        if !MIN_LENGTHS.contains(&config.password_min_length) {
            return Err(ConfigError(format!(
                "auth.password_min_length: {} is not allowed; use {} to {}",
                config.password_min_length,
                MIN_LENGTHS.start(),
                MIN_LENGTHS.end()
            )));
        }
        let plain = |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        match config.local_mechanisms.iter().find(|name| !plain(name) || name.as_str() == "anon") {
            Some(name) => Err(ConfigError(format!(
                "auth.local_mechanisms: `{name}` is no mechanism; use letters, digits and hyphens, and not `anon`"
            ))),
            None => Ok(config),
        }
    }
}
