//! Settings: embedded commented defaults, below a file, below variables; unknown names are errors.

mod cors;
mod explain;
mod icat;
mod identity;
mod required_levels;
mod secret_files;
mod service_settings;
mod settings_file;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytesize::ByteSize;
use figment::Figment;
use figment::providers::{Env, Format as _, Serialized, Toml};
use figment::value::Dict;
use ipnet::IpNet;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

pub use database::{DatabaseConfig, deserialize_duration};

pub use self::cors::CorsConfig;
pub(crate) use self::explain::suggest_nearest;
use self::explain::{describe_source, explain_error};
pub use self::icat::{ChangeSource, IcatConfig};
pub use self::identity::{ApiKeyConfig, IdentityConfig};
pub use self::required_levels::RequiredLevelConfig;
use self::secret_files::{HARMLESS, SecretFiles, read_secret_files};
pub use self::service_settings::{OtherSections, ServiceSettings};
use self::service_settings::{SecretSetting, list_secrets};
pub use self::settings_file::FacilityLocation;
use crate::private_paths::PrivatePath;

const DEFAULTS: &str = include_str!("../config.default.toml");
/// Sections every service shares; the rest belongs to services.
const SHARED: [&str; 10] =
    ["site", "public_url", "data_dir", "http", "database", "events", "identity", "icat", "storage", "log"];
/// A setting that cannot be used; the text names it and says what to do.
#[derive(Debug, Error)]
#[error("{0}")]
pub struct ConfigError(pub String);

/// All settings of a process.
#[derive(Debug, Clone)]
pub struct Config {
    figment: Figment,
    /// As it was read, without the contents of files of secrets: it knows where each setting stands.
    origin: Figment,
    pub core: Core,
    /// The settings' own file, and the files of secrets.
    pub(crate) private_files: Vec<PrivatePath>,
    settings_file: Option<PathBuf>,
    secrets: Vec<SecretSetting>,
    /// Why secrets that are kept in files of their own cannot be read; empty but for commands that repair it.
    pub(crate) unreadable_secrets: Vec<String>,
}

/// The shared settings; see `config.default.toml` for each one's meaning.
#[derive(Debug, Clone, Deserialize)]
pub struct Core {
    pub site: String,
    pub public_url: String,
    pub data_dir: PathBuf,
    pub http: HttpConfig,
    pub database: DatabaseConfig,
    pub events: EventsConfig,
    pub identity: IdentityConfig,
    pub icat: IcatConfig,
    pub storage: BTreeMap<String, StorageConfig>,
    pub log: LogConfig,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpConfig {
    pub bind: SocketAddr,
    pub internal_bind: SocketAddr,
    pub trusted_proxies: Vec<IpNet>,
    #[serde(deserialize_with = "deserialize_duration")]
    pub drain_delay: Duration,
    #[serde(deserialize_with = "deserialize_duration")]
    pub drain_timeout: Duration,
    #[serde(deserialize_with = "deserialize_duration")]
    pub idle_timeout: Duration,
    #[serde(deserialize_with = "deserialize_duration")]
    pub body_timeout: Duration,
    pub limits: Limits,
    pub cors: CorsConfig,
}

impl HttpConfig {
    fn check_ports(&self) -> Result<(), ConfigError> {
        let (public, internal) = (self.bind, self.internal_bind);
        let is_shared = public.port() != 0
            && public.port() == internal.port()
            && (public.ip() == internal.ip() || public.ip().is_unspecified() || internal.ip().is_unspecified());
        if !is_shared {
            return Ok(());
        }
        Err(ConfigError(format!(
            "http.bind = {public} and http.internal_bind = {internal} have the same port; the internal listener needs one of its own"
        )))
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    pub body: ByteSize,
    #[serde(deserialize_with = "deserialize_duration")]
    pub time: Duration,
    pub concurrency: usize,
    pub rate: u32,
    pub burst: u32,
}

/// How events travel.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventsConfig {
    pub kind: BusKind,
    pub nats_url: String,
    pub credentials_file: String,
    pub stream: String,
    pub replicas: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BusKind {
    /// Within this process.
    Memory,
    /// NATS `JetStream`.
    Nats,
}

/// One named place of data files.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StorageConfig {
    pub url: String,
    #[serde(default = "StorageConfig::default_threads")]
    pub threads: usize,
    #[serde(default = "StorageConfig::default_queue")]
    pub queue: usize,
    #[serde(default = "StorageConfig::default_read_only")]
    pub read_only: bool,
}

impl StorageConfig {
    fn default_threads() -> usize {
        8
    }
    fn default_queue() -> usize {
        64
    }
    fn default_read_only() -> bool {
        true
    }

    /// The directory behind a `file://` address or a plain path.
    pub fn parse_directory(&self, name: &str) -> Result<PathBuf, ConfigError> {
        let path = self.url.strip_prefix("file://").unwrap_or(&self.url);
        if path.contains("://") || path.is_empty() {
            return Err(ConfigError(format!("storage.{name}.url must be file:///some/directory, not {}", self.url)));
        }
        Ok(PathBuf::from(path))
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogConfig {
    pub format: LogFormat,
    pub level: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    Text,
    Json,
}

impl Config {
    /// Reads defaults, then `file` (which must exist), then variables, and checks the shared settings.
    pub fn load(
        services: &[ServiceSettings],
        others: &OtherSections,
        file: Option<&Path>,
    ) -> Result<Self, ConfigError> {
        Self::load_with_unreadable_secrets(services, others, file)?.require_secrets()
    }

    fn require_secrets(self) -> Result<Self, ConfigError> {
        match self.unreadable_secrets.first() {
            Some(reason) => Err(ConfigError(reason.clone())),
            None => Ok(self),
        }
    }

    /// The same for commands that say what is wrong, or repair it: a secret whose file cannot be read counts as not given.
    pub(crate) fn load_with_unreadable_secrets(
        services: &[ServiceSettings],
        others: &OtherSections,
        file: Option<&Path>,
    ) -> Result<Self, ConfigError> {
        if let Some(file) = file
            && !file.is_file()
        {
            return Err(ConfigError(format!("there is no configuration file {}", file.display())));
        }
        let mut figment = read_defaults(services);
        if let Some(file) = file {
            figment = figment.merge(Toml::file_exact(file));
        }
        let figment = figment.merge(Env::prefixed("UNDULATOR_").ignore(&["config"]).split("__"));
        let mut config = Self::from_figment(figment, services, others)?;
        config.private_files.extend(file.map(|file| PrivatePath::new("the configuration file", file)));
        config.settings_file = file.map(Path::to_owned);
        Ok(config)
    }

    /// Defaults and the given TOML only; for tests.
    pub fn from_toml(services: &[ServiceSettings], toml: &str) -> Result<Self, ConfigError> {
        Self::from_toml_beside(services, &OtherSections::default(), toml)
    }

    /// The same for a program whose settings have sections of other services too; for tests.
    pub fn from_toml_beside(
        services: &[ServiceSettings],
        others: &OtherSections,
        toml: &str,
    ) -> Result<Self, ConfigError> {
        Self::from_figment(read_defaults(services).merge(Toml::string(toml)), services, others)?.require_secrets()
    }

    fn from_figment(
        origin: Figment,
        services: &[ServiceSettings],
        others: &OtherSections,
    ) -> Result<Self, ConfigError> {
        let secrets = list_secrets(services, others);
        let SecretFiles { figment, private_files, unreadable } = read_secret_files(&origin, &secrets)?;
        refuse_unknown_sections(&figment, services, others, &origin)?;
        let core: Core = extract_settings(&figment, None, &origin)?;
        core.identity.api_keys.iter().try_for_each(ApiKeyConfig::validate)?;
        core.identity.required_levels.iter().try_for_each(RequiredLevelConfig::validate)?;
        if core.http.limits.concurrency == 0 {
            return Err(ConfigError("http.limits.concurrency must be at least 1".to_owned()));
        }
        core.http.check_ports()?;
        core.http.cors.check_origins()?;
        core.icat.check_changes(unreadable.is_empty())?;
        core.identity.check_administrators(!core.icat.reader.is_empty() || !unreadable.is_empty())?;
        Ok(Self { figment, origin, core, private_files, settings_file: None, secrets, unreadable_secrets: unreadable })
    }

    /// A service's own section, checked against its type (which should deny unknown fields).
    pub fn section<T: DeserializeOwned>(&self, name: &str) -> Result<T, ConfigError> {
        extract_settings(&self.figment, Some(name), &self.origin)
    }

    /// The same settings with one value set; for command lines that have an option for it.
    pub fn with_setting(&self, key: &str, value: impl serde::Serialize) -> Result<Self, ConfigError> {
        let figment = self.figment.clone().merge(Serialized::default(key, value));
        let core = extract_settings(&figment, None, &self.origin)?;
        Ok(Self { figment, core, ..self.clone() })
    }

    /// The same settings with other ports, where neither file nor variables name any.
    pub(crate) fn with_default_ports(&self, (public, internal): (u16, u16)) -> Result<Self, ConfigError> {
        let unsaid = read_defaults(&[]);
        let mut config = self.clone();
        for (key, port) in [("http.bind", public), ("http.internal_bind", internal)] {
            let default: SocketAddr = extract_settings(&unsaid, Some(key), &unsaid)?;
            if extract_settings::<SocketAddr>(&self.figment, Some(key), &self.origin)? == default {
                config = config.with_setting(key, SocketAddr::new(default.ip(), port))?;
            }
        }
        config.core.http.check_ports()?;
        Ok(config)
    }

    /// All settings as TOML, secrets replaced by `***`.
    pub fn to_redacted_toml(&self) -> Result<String, ConfigError> {
        let mut all: toml::Table = extract_settings(&self.figment, None, &self.origin)?;
        for SecretSetting { section, key } in &self.secrets {
            if let Some(secret) = all.get_mut(section).and_then(|s| s.get_mut(key))
                && !secret.as_str().is_some_and(|s| HARMLESS.contains(&s))
            {
                *secret = toml::Value::String("***".to_owned());
            }
        }
        toml::to_string(&all).map_err(|e| ConfigError(e.to_string()))
    }
}

fn read_defaults(services: &[ServiceSettings]) -> Figment {
    services
        .iter()
        .fold(Figment::from(Toml::string(DEFAULTS)), |figment, service| figment.merge(Toml::string(service.defaults)))
}

/// `origin` knows where each setting stands, for the text of an error.
fn extract_settings<T: DeserializeOwned>(
    figment: &Figment,
    section: Option<&str>,
    origin: &Figment,
) -> Result<T, ConfigError> {
    match section {
        Some(name) => figment.extract_inner(name),
        None => figment.extract(),
    }
    .map_err(|e| explain_error(&e, section, origin))
}

fn refuse_unknown_sections(
    figment: &Figment,
    services: &[ServiceSettings],
    others: &OtherSections,
    origin: &Figment,
) -> Result<(), ConfigError> {
    let defaults =
        services.iter().fold(Figment::new(), |figment, service| figment.merge(Toml::string(service.defaults)));
    let own: Dict = extract_settings(&defaults, None, origin)?;
    let known: Vec<&str> = SHARED.into_iter().chain(others.names()).chain(own.keys().map(String::as_str)).collect();
    let all: Dict = extract_settings(figment, None, origin)?;
    match all.keys().find(|name| !known.contains(&name.as_str())) {
        None => Ok(()),
        Some(unknown) => {
            let hint = suggest_nearest(unknown, known.iter().copied());
            Err(ConfigError(format!("{}unknown setting `{unknown}`{hint}", describe_source(unknown, None, origin))))
        }
    }
}
