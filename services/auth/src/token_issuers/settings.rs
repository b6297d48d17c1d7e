//! `[[auth.plugins]]` with `kind = "oidc"`: issuers whose tokens open sessions at ICAT. The options are those of authn.oidc 2.0.1,
//! under other names.

use std::collections::HashSet;
use std::net::IpAddr;
use std::time::Duration;

use ipnet::IpNet;
use serde::Deserialize;
use service_kit::ConfigError;
use service_kit::config::deserialize_duration;

use crate::domain::provider_user::{NameFormat, is_plain_name};
use crate::providers::{TrustedHosts, check_configuration_url, find_issuer};

/// An authenticator plugin of ICAT, by the kind of its credentials.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum PluginSettings {
    /// The token of an `OpenID` Connect provider.
    Oidc(TokenIssuerSettings),
}

/// An issuer of tokens, and the plugin that accepts them.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is a setting of its own")]
pub struct TokenIssuerSettings {
    /// The plugin is `/authn.<name>`.
    pub name: String,
    /// Before the slash in ICAT user names; empty: the name.
    #[serde(default)]
    mechanism: String,
    /// The address of the discovery document (`wellKnownUrl`); the issuer (`tokenIssuer`) is what stands before its path.
    pub configuration_url: String,
    /// Those that tokens must be for, in `aud` or `azp`.
    pub audiences: Vec<String>,
    /// Empty: none (`requiredScope`).
    #[serde(default)]
    pub required_scope: String,
    /// `icatUserClaim`.
    pub user_claim: String,
    /// `icatUserClaimException`.
    #[serde(default = "default_true")]
    pub user_claim_required: bool,
    /// `icatUserPrependMechanism`.
    #[serde(default = "default_true")]
    pub prepend_mechanism: bool,
    /// Those that a claim `mechanism/name` may name.
    #[serde(default)]
    pub claim_mechanisms: Vec<String>,
    #[serde(default)]
    pub username_format: NameFormat,
    /// Where users may log in from, as ICAT says (`ip`); empty: everywhere.
    #[serde(default)]
    addresses: Vec<IpNet>,
    /// How long ago a token may have been issued.
    #[serde(default = "default_max_token_age", deserialize_with = "deserialize_duration")]
    pub max_token_age: Duration,
    /// Whether a user name belongs to the first user who came with it.
    #[serde(default = "default_true")]
    pub bind_user_names: bool,
    /// Whether its users may have the names of administrators.
    #[serde(default)]
    pub may_name_administrators: bool,
    /// Other hosts that the keys may be at.
    #[serde(default)]
    endpoint_hosts: Vec<String>,
    /// Whether the issuer may be asked without TLS, for tests.
    #[serde(default)]
    allow_http: bool,
}

fn default_true() -> bool {
    true
}

fn default_max_token_age() -> Duration {
    Duration::from_hours(12)
}

impl TokenIssuerSettings {
    pub fn mechanism(&self) -> &str {
        if self.mechanism.is_empty() { &self.name } else { &self.mechanism }
    }

    pub fn issuer(&self) -> &str {
        find_issuer(&self.configuration_url)
    }

    pub fn trusted_hosts(&self) -> TrustedHosts<'_> {
        TrustedHosts { issuer: self.issuer(), endpoint_hosts: &self.endpoint_hosts, allow_http: self.allow_http }
    }

    /// Whether somebody may log in from an address. One that is not known is allowed only if all are.
    pub fn allows_address(&self, address: Option<IpAddr>) -> bool {
        self.addresses.is_empty()
            || address.is_some_and(|address| {
                let address = address.to_canonical();
                self.addresses.iter().any(|net| net.contains(&address))
            })
    }

    fn check_settings(&self) -> Result<(), String> {
        let names =
            [self.name.as_str(), self.mechanism()].into_iter().chain(self.claim_mechanisms.iter().map(String::as_str));
        if !names.into_iter().all(is_plain_name) {
            return Err("name, mechanism and claim_mechanisms must have letters, digits, - and _ only".to_owned());
        }
        if self.user_claim.is_empty() {
            return Err("user_claim must not be empty".to_owned());
        }
        if self.audiences.is_empty() || self.audiences.iter().any(String::is_empty) {
            return Err("audiences must list the clients whose tokens are accepted; with others, every website that uses the same \
                        provider could log in as its visitors"
                .to_owned());
        }
        if self.required_scope.contains(char::is_whitespace) {
            return Err("required_scope is one scope".to_owned());
        }
        check_configuration_url(&self.configuration_url, self.allow_http)
    }
}

/// Refuses wrong plugins, and two with the same name.
pub fn check_plugins(plugins: &[PluginSettings]) -> Result<(), ConfigError> {
    let mut names = HashSet::new();
    for PluginSettings::Oidc(issuer) in plugins {
        let refused = |text: String| ConfigError(format!("auth.plugins: `{}`: {text}", issuer.name));
        issuer.check_settings().map_err(refused)?;
        if !names.insert(issuer.name.to_lowercase()) {
            return Err(refused("there are two plugins with this name".to_owned()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn parse_changed_settings(changes: &Value) -> Result<TokenIssuerSettings, String> {
        let mut settings = json!({"kind": "oidc", "name": "esrf", "audiences": ["icat"], "user_claim": "preferred_username",
            "configuration_url": "https://id.example/.well-known/openid-configuration"});
        settings.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        let plugin = serde_json::from_value(settings).map_err(|e| e.to_string())?;
        check_plugins(std::slice::from_ref(&plugin)).map_err(|e| e.0)?;
        let PluginSettings::Oidc(issuer) = plugin;
        Ok(issuer)
    }

    #[test]
    fn mistakes_are_named() {
        assert_eq!(parse_changed_settings(&json!({})).unwrap().mechanism(), "esrf");
        for (changes, word) in [
            (json!({"name": "a/b"}), "name"),
            (json!({"claim_mechanisms": ["a b"]}), "claim_mechanisms"),
            (json!({"audiences": []}), "audiences"),
            (json!({"user_claim": ""}), "user_claim"),
            (json!({"required_scope": "a b"}), "required_scope"),
            (json!({"configuration_url": "http://id.example/.well-known/openid-configuration"}), "https"),
            (json!({"addresses": ["localhost"]}), "invalid"),
            (json!({"secret": "s"}), "unknown field"),
        ] {
            let error = parse_changed_settings(&changes).unwrap_err();
            assert!(error.contains(word), "{changes}: {error}");
        }
    }

    #[test]
    fn an_unknown_address_is_refused_where_addresses_are_listed() {
        let everywhere = parse_changed_settings(&json!({})).unwrap();
        assert!(everywhere.allows_address(None));
        let inside = parse_changed_settings(&json!({"addresses": ["192.0.2.0/24", "2001:db8::/32"]})).unwrap();
        for (address, is_allowed) in [
            ("192.0.2.7", true),
            ("::ffff:192.0.2.7", true),
            ("2001:db8::1", true),
            ("198.51.100.1", false),
            ("::1", false),
        ] {
            assert_eq!(inside.allows_address(Some(address.parse().unwrap())), is_allowed, "{address}");
        }
        assert!(!inside.allows_address(None));
    }
}
