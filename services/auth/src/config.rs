//! Settings of auth.

use std::path::PathBuf;

use serde::Deserialize;
use service_kit::{Config as Settings, ConfigError};
use std::ops::RangeInclusive;

/// Shorter passwords can be guessed, and longer ones cannot be typed.
const MIN_LENGTHS: RangeInclusive<usize> = 8..=128;

/// The name of this service.
pub const SERVICE_NAME: &str = "auth";

/// `[auth]`; `config.default.toml` explains each setting.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// If empty, a directory below `data_dir`.
    pub keys_dir: PathBuf,
    pub local_mechanisms: Vec<String>,
    /// In characters; for new passwords.
    pub password_min_length: usize,
    pub minters: Vec<String>,
    pub beta_testers: Vec<String>,
}

impl Config {
    pub fn from_settings(settings: &Settings) -> Result<Self, ConfigError> {
        let config: Self = settings.section("auth")?;
        if !MIN_LENGTHS.contains(&config.password_min_length) {
            return Err(ConfigError(format!(
                "auth.password_min_length: {} is not allowed; use {} to {}",
                config.password_min_length,
                MIN_LENGTHS.start(),
                MIN_LENGTHS.end()
            )));
        }
        let is_valid = |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        match config.local_mechanisms.iter().find(|name| !is_valid(name)) {
            Some(name) => Err(ConfigError(format!(
                "auth.local_mechanisms: `{name}` is not a valid mechanism; use letters, digits and hyphens"
            ))),
            None => Ok(config),
        }
    }
}
