//! The settings of the catalogue.

use std::time::Duration;

use jiff::tz::TimeZone;
use serde::Deserialize;

use super::{ConfigError, deserialize_duration};
use crate::secret::Secret;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IcatConfig {
    pub url: String,
    pub ca_file: String,
    pub reader: Secret,
    #[serde(deserialize_with = "deserialize_duration")]
    pub timeout: Duration,
    pub changes: ChangeSource,
    #[serde(deserialize_with = "deserialize_duration")]
    pub poll_interval: Duration,
    pub time_zone: String,
}

/// How services learn what changes in the catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChangeSource {
    /// From the events of an embedded catalogue, otherwise by polling if there is a reader account.
    Auto,
    /// The catalogue publishes events.
    Events,
    /// A worker asks the catalogue.
    Poll,
    /// Not at all.
    None,
}

impl IcatConfig {
    /// Whether the catalogue is a service of this process.
    pub fn is_embedded(&self) -> bool {
        self.url == "self"
    }

    /// The zone in which the catalogue interprets times in queries.
    pub fn parse_time_zone(&self) -> Result<TimeZone, ConfigError> {
        TimeZone::get(&self.time_zone)
            .map_err(|_| ConfigError(format!("icat.time_zone: there is no time zone `{}`", self.time_zone)))
    }

    /// Refuses settings with which changes cannot be polled. While a secret cannot be read, nobody knows whether there is a
    /// reader account.
    pub(super) fn check_changes(&self, is_reader_known: bool) -> Result<(), ConfigError> {
        self.parse_time_zone()?;
        if self.poll_interval.is_zero() {
            return Err(ConfigError("icat.poll_interval must be longer than 0s".to_owned()));
        }
        if self.changes == ChangeSource::Poll && self.reader.is_empty() && is_reader_known {
            return Err(ConfigError(
                "icat.changes = \"poll\" needs icat.reader, the account that asks the catalogue; set it, or set \
                 icat.changes = \"none\""
                    .to_owned(),
            ));
        }
        Ok(())
    }
}
