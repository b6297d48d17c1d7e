//! Settings of auth.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use service_kit::config::deserialize_duration;
use service_kit::{Config as Settings, ConfigError, Secret};

use crate::directories::DirectorySettings;
use crate::domain::renewal::LoginLifetimes;
use crate::identity_providers::{IdentityProvider, check_identity_providers};
use crate::providers::ProviderSettings;
use crate::token_issuers::{PluginSettings, TokenIssuerSettings, check_plugins};

/// Shorter passwords can be guessed, and longer ones cannot be typed.
const MIN_LENGTHS: RangeInclusive<usize> = 8..=128;

/// Clients refresh when a token expires; logins must last longer.
const MIN_LOGIN_LIFETIME: Duration = Duration::from_mins(15);
const MAX_LOGIN_LIFETIME: Duration = Duration::from_hours(90 * 24);
const MAX_REFRESH_GRACE: Duration = Duration::from_mins(2);
const SCIGATEWAY_TOKEN_LIFETIMES: RangeInclusive<Duration> = Duration::from_mins(1)..=Duration::from_mins(30);
const FAILED_LOGIN_INTERVALS: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_mins(10);
const MIN_AUDIT_RETENTION: Duration = Duration::from_hours(24);
const API_KEY_LIFETIMES: RangeInclusive<Duration> = Duration::from_hours(1)..=Duration::from_hours(3650 * 24);

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
    /// Of logins with refresh tokens, from the login.
    #[serde(deserialize_with = "deserialize_duration")]
    pub login_lifetime: Duration,
    /// Of logins with refresh tokens, since the last refresh.
    #[serde(deserialize_with = "deserialize_duration")]
    pub login_idle_lifetime: Duration,
    /// How long a refresh token that was replaced is accepted again.
    #[serde(deserialize_with = "deserialize_duration")]
    pub refresh_grace: Duration,
    /// From one address; 0: any number.
    pub failed_logins_per_account: u32,
    /// To all accounts; 0: any number.
    pub failed_logins_per_address: u32,
    /// At once; then one a second. 0: any number.
    pub anonymous_logins_per_address: u32,
    /// After so long, one more login may fail.
    #[serde(deserialize_with = "deserialize_duration")]
    pub failed_login_interval: Duration,
    #[serde(deserialize_with = "deserialize_duration")]
    pub audit_retention: Duration,
    /// The longest time for which an API key can be created.
    #[serde(deserialize_with = "deserialize_duration")]
    pub api_key_max_lifetime: Duration,
    /// Where the interface of scigateway-auth is; empty: nowhere.
    pub scigateway_prefix: String,
    /// If empty, a file below `data_dir`.
    pub scigateway_key: PathBuf,
    #[serde(deserialize_with = "deserialize_duration")]
    pub scigateway_token_lifetime: Duration,
    /// Whether tokens of that interface contain the ICAT session id.
    pub expose_icat_session: bool,
    /// `plugin:user:password` of the account that stores groups of providers; empty: none.
    pub groups_account: Secret,
    /// ICAT user names that no identity provider can give.
    pub root_user_names: Vec<String>,
    providers: Vec<IdentityProvider>,
    plugins: Vec<PluginSettings>,
    /// If empty, there is none.
    pub page_style_file: PathBuf,
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
        config.check_lifetimes()?;
        config.check_scigateway_prefix()?;
        check_identity_providers(&config.providers)?;
        check_plugins(&config.plugins)?;
        config.check_groups(&settings.core.identity.list_administrator_groups())?;
        if config.list_oidc_providers().next().is_some() && settings.core.public_url.is_empty() {
            return Err(ConfigError(
                "auth.providers: public_url is not set, and identity providers must know where to send browsers back to"
                    .to_owned(),
            ));
        }
        let is_valid = |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        match config.local_mechanisms.iter().find(|name| !is_valid(name)) {
            Some(name) => Err(ConfigError(format!(
                "auth.local_mechanisms: `{name}` is not a valid mechanism; use letters, digits and hyphens"
            ))),
            None => Ok(config),
        }
    }

    fn check_lifetimes(&self) -> Result<(), ConfigError> {
        let error = |text: &str| Err(ConfigError(text.to_owned()));
        if !(MIN_LOGIN_LIFETIME..=MAX_LOGIN_LIFETIME).contains(&self.login_lifetime) {
            return error("auth.login_lifetime must be from 15m to 90days");
        }
        if !(MIN_LOGIN_LIFETIME..=self.login_lifetime).contains(&self.login_idle_lifetime) {
            return error("auth.login_idle_lifetime must be at least 15m and not longer than auth.login_lifetime");
        }
        if !self.scigateway_prefix.is_empty() && self.login_idle_lifetime <= self.scigateway_token_lifetime {
            return error(
                "auth.login_idle_lifetime must be longer than auth.scigateway_token_lifetime: portals refresh then",
            );
        }
        if self.refresh_grace > MAX_REFRESH_GRACE {
            return error("auth.refresh_grace must not be longer than 2m: a copied token would work for as long");
        }
        if !SCIGATEWAY_TOKEN_LIFETIMES.contains(&self.scigateway_token_lifetime) {
            return error("auth.scigateway_token_lifetime must be from 1m to 30m");
        }
        if !FAILED_LOGIN_INTERVALS.contains(&self.failed_login_interval) {
            return error("auth.failed_login_interval must be from 1s to 10m");
        }
        if self.audit_retention < MIN_AUDIT_RETENTION {
            return error("auth.audit_retention must be at least 1day");
        }
        if !API_KEY_LIFETIMES.contains(&self.api_key_max_lifetime) {
            return error("auth.api_key_max_lifetime must be from 1h to 3650days");
        }
        Ok(())
    }

    /// Refuses groups that nobody can store, groups that two providers would decide about, and providers that make administrators
    /// although they may not.
    fn check_groups(&self, administrator_groups: &[String]) -> Result<(), ConfigError> {
        let providers: Vec<(&ProviderSettings, &str)> = self
            .list_oidc_providers()
            .filter(|provider| provider.has_groups())
            .map(|provider| (provider, provider.groups_prefix.as_str()))
            .collect();
        for (at, (provider, prefix)) in providers.iter().enumerate() {
            let refuse = |text: &str| Err(ConfigError(format!("auth.providers: `{}`: {text}", provider.name)));
            let is_shared =
                |other: &&(&ProviderSettings, &str)| other.1.starts_with(prefix) || prefix.starts_with(other.1);
            if let Some((other, _)) = providers[at + 1..].iter().find(is_shared) {
                let other = &other.name;
                return refuse(&format!("its groups_prefix and that of `{other}` would decide about the same groups"));
            }
            if !provider.may_name_administrators && administrator_groups.iter().any(|group| group.starts_with(prefix)) {
                return refuse(
                    "it decides about a group of identity.administrators: set may_name_administrators = true if it may, or \
                     list another group there",
                );
            }
        }
        if !providers.is_empty() && self.groups_account.is_empty() {
            return Err(ConfigError(
                "auth.groups_account must be set, because a provider has a groups_claim: it is the account of the catalogue that \
                 adds users to groups"
                    .to_owned(),
            ));
        }
        Ok(())
    }

    fn check_scigateway_prefix(&self) -> Result<(), ConfigError> {
        let is_plain = |part: &str| {
            !part.trim_start_matches('.').is_empty()
                && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
        };
        let prefix = self.scigateway_prefix.as_str();
        let is_valid = prefix.is_empty() || prefix.strip_prefix('/').is_some_and(|rest| rest.split('/').all(is_plain));
        let is_taken = prefix == "/auth/v1" || prefix.starts_with("/auth/v1/");
        if is_valid && !is_taken {
            return Ok(());
        }
        Err(ConfigError(format!(
            "auth.scigateway_prefix: `{prefix}` is not allowed; use a path such as /auth, without a slash at its end and \
             not below /auth/v1, or an empty text"
        )))
    }

    /// Those that users are sent to with a browser.
    pub fn list_oidc_providers(&self) -> impl Iterator<Item = &ProviderSettings> {
        self.providers.iter().filter_map(|provider| match provider {
            IdentityProvider::Oidc(provider) => Some(provider),
            IdentityProvider::Ldap(_) => None,
        })
    }

    /// Those that check passwords.
    pub fn list_directories(&self) -> impl Iterator<Item = &DirectorySettings> {
        self.providers.iter().filter_map(|provider| match provider {
            IdentityProvider::Ldap(directory) => Some(directory),
            IdentityProvider::Oidc(_) => None,
        })
    }

    /// Those whose tokens open sessions at ICAT.
    pub fn list_token_issuers(&self) -> impl Iterator<Item = &TokenIssuerSettings> {
        self.plugins.iter().map(|PluginSettings::Oidc(issuer)| issuer)
    }

    /// ICAT user names that no identity provider can give; `administrators` are those of the services.
    pub fn list_root_names(&self, administrators: &[String]) -> Vec<String> {
        [&self.root_user_names[..], administrators].concat()
    }

    /// The issuer of a provider or of a plugin for tokens; `None` if the settings have none with this name.
    pub fn find_issuer(&self, name: &str) -> Option<&str> {
        let provider = self.list_oidc_providers().find(|provider| provider.name == name);
        let plugin = || self.list_token_issuers().find(|plugin| plugin.name == name);
        provider.map(ProviderSettings::issuer).or_else(|| plugin().map(TokenIssuerSettings::issuer))
    }

    /// The authenticators that check and record logins here, when ICAT calls them.
    pub fn list_recording_plugins(&self) -> Vec<String> {
        let directories = self.list_directories().map(|directory| directory.mechanism().to_owned());
        let issuers = self.list_token_issuers().map(|issuer| issuer.name.clone());
        self.local_mechanisms.iter().cloned().chain(directories).chain(issuers).collect()
    }

    pub fn login_lifetimes(&self) -> LoginLifetimes {
        LoginLifetimes { absolute: self.login_lifetime, idle: self.login_idle_lifetime, grace: self.refresh_grace }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logins_last_longer_than_their_tokens() {
        let check = |settings: &str| {
            let settings = Settings::from_toml(&[crate::SERVICE.settings], &format!("[auth]\n{settings}"));
            Config::from_settings(&settings.unwrap()).map(drop).map_err(|e| e.0)
        };
        for right in ["", "login_idle_lifetime = \"31m\"", "login_idle_lifetime = \"15m\"\nscigateway_prefix = \"\""] {
            assert_eq!(check(right), Ok(()), "{right}");
        }
        for (wrong, name) in [
            ("login_lifetime = \"14m\"", "auth.login_lifetime"),
            ("login_lifetime = \"91days\"", "auth.login_lifetime"),
            ("login_idle_lifetime = \"0s\"", "auth.login_idle_lifetime"),
            ("login_idle_lifetime = \"14m\"\nscigateway_prefix = \"\"", "auth.login_idle_lifetime"),
            ("login_idle_lifetime = \"8days\"", "auth.login_idle_lifetime"),
            ("login_idle_lifetime = \"30m\"", "auth.login_idle_lifetime"),
            ("api_key_max_lifetime = \"59m\"", "auth.api_key_max_lifetime"),
        ] {
            let text = check(wrong).expect_err(wrong);
            assert!(text.starts_with(&format!("{name} must be ")), "{text}");
        }
    }

    #[test]
    fn providers_that_decide_about_groups_are_told_apart_and_allowed_to() {
        let provider = |name: &str, more: &str| {
            format!(
                "[[auth.providers]]\nname = \"{name}\"\nkind = \"oidc\"\nclient_id = \"c\"\nconfiguration_url = \
                 \"https://{name}.example/.well-known/openid-configuration\"\ngroups_claim = \"/groups\"\n{more}\n"
            )
        };
        let check = |providers: &str, account: &str, administrators: &str| {
            let toml = format!(
                "public_url = \"https://data.example.org\"\n[icat]\nreader = \"simple:r:x\"\n[identity]\nadministrators = \
                 [{administrators}]\n[auth]\ngroups_account = \"{account}\"\n{providers}"
            );
            let settings = Settings::from_toml(&[crate::SERVICE.settings], &toml);
            Config::from_settings(&settings.unwrap()).map(drop).map_err(|e| e.0)
        };
        let (lab, account) = (provider("lab", "groups_prefix = \"lab-\""), "simple:g:x");
        assert_eq!(check(&lab, account, "\"group:other\", \"lab-x/y\""), Ok(()));
        let allowed = provider("lab", "groups_prefix = \"lab-\"\nmay_name_administrators = true");
        assert_eq!(check(&allowed, account, "\"group:lab-admins\""), Ok(()));
        let both = format!("{lab}{}", provider("other", "groups_prefix = \"lab-x\""));
        for (providers, account, administrators, says) in [
            (&lab, "", "", "auth.groups_account must be set"),
            (&lab, account, "\"group:lab-admins\"", "set may_name_administrators = true"),
            (&both, account, "", "that of `other` would decide about the same groups"),
        ] {
            let text = check(providers, account, administrators).unwrap_err();
            assert!(text.contains(says), "{text}");
        }
    }
}
