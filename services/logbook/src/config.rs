//! Settings of the logbook.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use bytesize::ByteSize;
use jiff::tz::TimeZone;
use serde::Deserialize;
use service_kit::config::deserialize_duration;
use service_kit::{Config as Settings, ConfigError, PrivatePath};

use crate::notifications;
use crate::notifications::Rule;

/// Is never shown.
#[derive(Clone, Default, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Secret {
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// `[logbook]`; see `config.default.toml` for each one's meaning.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Empty: a directory of our own below `data_dir`.
    pub attachments_dir: PathBuf,
    pub largest_attachment: ByteSize,
    pub largest_import: ByteSize,
    /// Empty: the directory.
    pub s3_bucket: String,
    pub s3_prefix: String,
    pub s3_endpoint: String,
    pub s3_region: String,
    pub s3_access_key_id: String,
    pub s3_secret_access_key: Secret,
    pub page_limit: u32,
    pub page_default: u32,
    pub time_zone: String,
    pub h5_viewer: String,
    /// Empty: a key of our own in the database.
    pub signing_key_file: PathBuf,
    /// How long the entry of a program waits for the catalogue to say where it belongs.
    #[serde(deserialize_with = "deserialize_duration")]
    pub assignment_timeout: Duration,
    pub notifications: Vec<Rule>,
}

impl Config {
    pub fn read(settings: &Settings) -> Result<Self, ConfigError> {
        let config: Self = settings.section("logbook")?;
        config.zone()?;
        notifications::check(&config.notifications)?;
        if config.page_default == 0 || config.page_default > config.page_limit {
            return Err(ConfigError("logbook.page_default must be from 1 to logbook.page_limit".to_owned()));
        }
        Ok(config)
    }

    /// What no storage of data files may share.
    pub fn private_paths(settings: &Settings) -> Result<Vec<PrivatePath>, ConfigError> {
        let config = Self::read(settings)?;
        Ok(vec![
            PrivatePath::new("logbook.attachments_dir", config.attachments_dir),
            PrivatePath::new("logbook.signing_key_file", config.signing_key_file),
        ])
    }

    /// The zone of days and of times without one.
    pub fn zone(&self) -> Result<TimeZone, ConfigError> {
        TimeZone::get(&self.time_zone)
            .map_err(|_| ConfigError(format!("logbook.time_zone: there is no time zone `{}`", self.time_zone)))
    }
}
