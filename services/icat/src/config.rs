//! Settings of the embedded catalogue.

use jiff::tz::TimeZone;
use serde::Deserialize;
use service_kit::{Config as Settings, ConfigError};

/// The name of the service, of its database and of its outbox.
pub const SERVICE_NAME: &str = "icat";

/// The section `[catalogue]`; `config.default.toml` explains each setting.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub root_user_names: Vec<String>,
    pub lifetime_minutes: u32,
    pub max_entities: u32,
    pub time_zone: String,
    pub authorization: AuthorizationConfig,
    /// The URL of authenticators without one of their own.
    pub authn_url: String,
    pub authn: Vec<AuthenticatorConfig>,
}

/// How strict authorization is, in the three cases where icat.server 6.2 shows more than its rules grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthorizationConfig {
    /// Whether rows that a user may not read are also invisible in conditions, joins, sub-selects and ORDER BY.
    pub conditions: Strictness,
    /// Whether only a rule that grants READ makes a table public.
    pub public_tables: Strictness,
    /// Whether a rule that restricts by joins alone restricts.
    pub join_rules: Strictness,
}

impl AuthorizationConfig {
    pub const STRICT: Self =
        Self { conditions: Strictness::Strict, public_tables: Strictness::Strict, join_rules: Strictness::Strict };
    pub const COMPATIBLE: Self = Self {
        conditions: Strictness::Compatible,
        public_tables: Strictness::Compatible,
        join_rules: Strictness::Compatible,
    };
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Strictness {
    /// Data that the user may not read stays hidden.
    Strict,
    /// As in icat.server 6.2.
    Compatible,
}

/// One authenticator plugin.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthenticatorConfig {
    pub mnemonic: String,
    pub url: Option<String>,
    pub friendly: Option<String>,
    #[serde(default)]
    pub admin: bool,
}

impl Config {
    pub fn from_settings(settings: &Settings) -> Result<Self, ConfigError> {
        let config: Self = settings.section("catalogue")?;
        config.parse_time_zone()?;
        if config.lifetime_minutes == 0 || config.max_entities == 0 {
            return Err(ConfigError(
                "catalogue.lifetime_minutes and catalogue.max_entities must be at least 1".to_owned(),
            ));
        }
        let mut mnemonics: Vec<&str> = config.authn.iter().map(|a| a.mnemonic.as_str()).collect();
        mnemonics.sort_unstable();
        if let Some([twice, _]) = mnemonics.array_windows().find(|[a, b]| a == b) {
            return Err(ConfigError(format!("catalogue.authn lists `{twice}` twice")));
        }
        Ok(config)
    }

    /// The time zone of times that are written without one.
    pub fn parse_time_zone(&self) -> Result<TimeZone, ConfigError> {
        TimeZone::get(&self.time_zone)
            .map_err(|_| ConfigError(format!("catalogue.time_zone: there is no time zone `{}`", self.time_zone)))
    }
}
