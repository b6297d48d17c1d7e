//! Settings of the logbook.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bytesize::ByteSize;
use jiff::tz::TimeZone;
use serde::Deserialize;
use service_kit::config::deserialize_duration;
use service_kit::{Config as Settings, ConfigError, PrivatePath, Secret};

use crate::attachments::s3::BucketSettings;

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
    /// How long a program that writes waits for the catalogue to say which investigation its entry belongs to.
    #[serde(deserialize_with = "deserialize_duration")]
    pub assignment_timeout: Duration,
    pub notifications: Vec<NotificationRule>,
}

impl Config {
    pub fn read(settings: &Settings) -> Result<Self, ConfigError> {
        let config: Self = settings.section("logbook")?;
        config.zone()?;
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

    /// The directory of attachments, or of uploads to the bucket.
    pub fn attachments_path(&self, data_dir: &Path) -> PathBuf {
        match &self.attachments_dir {
            none if none.as_os_str().is_empty() => data_dir.join("attachments"),
            named => named.clone(),
        }
    }

    /// `None`: attachments are in the directory.
    pub fn s3_settings(&self) -> Option<BucketSettings> {
        (!self.s3_bucket.is_empty()).then(|| BucketSettings {
            bucket: self.s3_bucket.clone(),
            prefix: self.s3_prefix.clone(),
            endpoint: self.s3_endpoint.clone(),
            region: self.s3_region.clone(),
            access_key_id: self.s3_access_key_id.clone(),
            secret_access_key: self.s3_secret_access_key.clone(),
        })
    }

    /// The zone of days and of times without one.
    pub fn zone(&self) -> Result<TimeZone, ConfigError> {
        TimeZone::get(&self.time_zone)
            .map_err(|_| ConfigError(format!("logbook.time_zone: there is no time zone `{}`", self.time_zone)))
    }
}

/// `[[logbook.notifications]]`; the texts are templates (Jinja) of the event's fields.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NotificationRule {
    /// The name under which consumed events are remembered: a rule that is renamed starts anew, one that is moved or changed
    /// continues.
    pub name: String,
    /// Such as `undulator.v1.download.transfer.finished`.
    pub subject: String,
    /// The text of the entry; an event for which it is empty makes no entry.
    pub text: String,
    #[serde(default = "default_category")]
    pub category: String,
    /// The id of the investigation whose logbook gets the entry; empty: the instrument's.
    #[serde(default)]
    pub investigation: String,
    /// Empty: the facility's.
    #[serde(default)]
    pub instrument: String,
}

fn default_category() -> String {
    "info".to_owned()
}
