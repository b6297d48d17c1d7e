//! Which sections of the settings belong to services, and which of their settings are secrets.

use std::collections::BTreeMap;

use super::ConfigError;

/// The sections of a service.
#[derive(Debug, Clone, Copy)]
pub struct ServiceSettings {
    /// Its commented sections with their defaults, as TOML; empty if it has none.
    pub defaults: &'static str,
    /// Settings that are never shown and that may be given as the name of a file, such as `logbook.s3_secret_access_key`.
    pub secrets: &'static [&'static str],
}

impl ServiceSettings {
    /// A service without settings of its own.
    pub const NONE: Self = Self::from_defaults("");

    /// Sections without secrets.
    pub const fn from_defaults(defaults: &'static str) -> Self {
        Self { defaults, secrets: &[] }
    }
}

/// Sections of services that a program does not run: one settings file serves several programs, and each accepts the
/// sections of the others without looking into them.
#[derive(Debug, Clone, Default)]
pub struct OtherSections(BTreeMap<String, Vec<String>>);

impl OtherSections {
    /// Reads TOML with one line per section, which lists the secrets in it: `logbook = ["s3_secret_access_key"]`.
    pub fn parse(toml: &str) -> Result<Self, ConfigError> {
        toml::from_str(toml).map(Self).map_err(|e| ConfigError(format!("the list of other sections: {e}")))
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    fn secrets(&self) -> impl Iterator<Item = SecretSetting> {
        self.0.iter().flat_map(|(section, keys)| {
            keys.iter().map(|key| SecretSetting { section: section.clone(), key: key.clone() })
        })
    }
}

/// A setting that is never shown and that may be given as the name of a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SecretSetting {
    pub section: String,
    pub key: String,
}

/// Secrets of the sections that all services share.
const SHARED_SECRETS: [&str; 2] = ["database.url", "icat.reader"];

/// All secrets of a program, each once.
pub(super) fn list_secrets(services: &[ServiceSettings], others: &OtherSections) -> Vec<SecretSetting> {
    let own = services.iter().flat_map(|service| service.secrets).copied();
    let named = SHARED_SECRETS.into_iter().chain(own).filter_map(|secret| secret.split_once('.'));
    let named = named.map(|(section, key)| SecretSetting { section: section.to_owned(), key: key.to_owned() });
    let mut secrets: Vec<SecretSetting> = named.chain(others.secrets()).collect();
    secrets.sort_unstable();
    secrets.dedup();
    secrets
}
