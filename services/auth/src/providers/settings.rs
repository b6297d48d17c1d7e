//! `[[auth.providers]]` with `kind = "oidc"`: the `OpenID` Connect providers of the facility.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use oauth2::url::Url;
use serde::Deserialize;

use super::discovery::TrustedHosts;
use crate::domain::group_claim::GroupRules;
use crate::domain::login_level::RequiredLevel;
use crate::domain::provider_user::{NameFormat, is_plain_name};

/// What follows the issuer in the address of its discovery document (`OpenID` Connect Discovery 1.0, 4).
const DISCOVERY_PATH: &str = "/.well-known/openid-configuration";
/// Without it, no ID token is issued (`OpenID` Connect Core 1.0, 3.1.2.1).
const OPENID_SCOPE: &str = "openid";

/// An identity provider of `OpenID` Connect.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the settings")]
pub struct ProviderSettings {
    /// In addresses: letters, digits, `-` and `_`.
    pub name: String,
    /// On the button of the login page; empty: the name.
    #[serde(default)]
    pub display_name: String,
    /// Before the slash in ICAT user names; empty: the name.
    #[serde(default)]
    mechanism: String,
    /// The address of the discovery document.
    pub configuration_url: String,
    pub client_id: String,
    /// The client of command lines, which has no secret; empty: `client_id`.
    #[serde(default)]
    device_client_id: String,
    /// The file with the secret of the client; empty: a public client.
    #[serde(default)]
    pub client_secret_file: PathBuf,
    /// Separated by blanks.
    #[serde(default = "default_scope")]
    pub scope: String,
    #[serde(default = "default_username_claim")]
    pub username_claim: String,
    #[serde(default)]
    pub username_format: NameFormat,
    #[serde(default)]
    pub required_acr: Vec<String>,
    #[serde(default)]
    pub required_amr: Vec<String>,
    #[serde(default)]
    pub required_acrs: Vec<String>,
    #[serde(default, deserialize_with = "deserialize_optional_duration")]
    pub max_age: Option<Duration>,
    /// Other hosts that endpoints of the provider may have.
    #[serde(default)]
    pub endpoint_hosts: Vec<String>,
    /// Where the ID token has the groups of the user (JSON pointer); empty: the provider decides about none.
    #[serde(default)]
    groups_claim: String,
    /// How the names begin of the groups of the catalogue that the provider decides about.
    #[serde(default)]
    pub groups_prefix: String,
    /// Names of groups of the catalogue by values of the claim.
    #[serde(default)]
    groups: BTreeMap<String, String>,
    /// Whether changes of groups are only logged.
    #[serde(default)]
    pub groups_dry_run: bool,
    /// Whether its users may have the names of administrators.
    #[serde(default)]
    pub may_name_administrators: bool,
    /// Whether a user name belongs to the first user who came with it.
    #[serde(default = "default_binding")]
    pub bind_user_names: bool,
    /// Whether users log out there by a form with their ID token.
    #[serde(default)]
    pub logout_sends_id_token: bool,
    /// Whether it may be asked without TLS, for tests.
    #[serde(default)]
    pub allow_http: bool,
}

fn default_scope() -> String {
    OPENID_SCOPE.to_owned()
}

fn default_binding() -> bool {
    true
}

fn default_username_claim() -> String {
    "sub".to_owned()
}

fn deserialize_optional_duration<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    service_kit::config::deserialize_duration(from).map(Some)
}

impl ProviderSettings {
    pub fn display_name(&self) -> &str {
        if self.display_name.is_empty() { &self.name } else { &self.display_name }
    }

    pub fn mechanism(&self) -> &str {
        if self.mechanism.is_empty() { &self.name } else { &self.mechanism }
    }

    /// The client that programs without a browser log in with (RFC 8628).
    pub fn device_client_id(&self) -> &str {
        if self.device_client_id.is_empty() { &self.client_id } else { &self.device_client_id }
    }

    /// The issuer, which the discovery document must repeat exactly.
    pub fn issuer(&self) -> &str {
        find_issuer(&self.configuration_url)
    }

    pub fn trusted_hosts(&self) -> TrustedHosts<'_> {
        TrustedHosts { issuer: self.issuer(), endpoint_hosts: &self.endpoint_hosts, allow_http: self.allow_http }
    }

    pub fn has_secret(&self) -> bool {
        !self.client_secret_file.as_os_str().is_empty()
    }

    pub fn required_level(&self) -> RequiredLevel {
        RequiredLevel {
            acr: self.required_acr.clone(),
            amr: self.required_amr.clone(),
            acrs: self.required_acrs.clone(),
            max_age: self.max_age,
        }
    }

    /// Whether the provider decides about groups of the catalogue.
    pub fn has_groups(&self) -> bool {
        !self.groups_claim.is_empty()
    }

    /// How its groups become those of the catalogue; `None` if it decides about none.
    pub fn group_rules(&self) -> Option<GroupRules> {
        let (claim, prefix, names) = (&self.groups_claim, &self.groups_prefix, &self.groups);
        self.has_groups().then(|| GroupRules { claim: claim.clone(), prefix: prefix.clone(), names: names.clone() })
    }

    pub fn check_settings(&self) -> Result<(), String> {
        let has_group_settings = !self.groups_prefix.is_empty() || !self.groups.is_empty() || self.groups_dry_run;
        if has_group_settings && !self.has_groups() {
            return Err("groups_claim must be set, if there are other settings of groups".to_owned());
        }
        self.group_rules().map_or(Ok(()), |rules| rules.check_rules())?;
        if !is_plain_name(&self.name) {
            return Err("name must have letters, digits, - and _ only".to_owned());
        }
        if !is_plain_name(self.mechanism()) {
            return Err("mechanism must have letters, digits, - and _ only".to_owned());
        }
        if self.client_id.is_empty() || self.username_claim.is_empty() {
            return Err("client_id and username_claim must not be empty".to_owned());
        }
        if !self.scope.split_whitespace().any(|scope| scope == OPENID_SCOPE) {
            return Err(format!("scope must contain {OPENID_SCOPE}, without which there is no ID token"));
        }
        check_configuration_url(&self.configuration_url, self.allow_http)
    }
}

/// The issuer whose discovery document is at this address; empty if it is no such address.
pub fn find_issuer(configuration_url: &str) -> &str {
    configuration_url.strip_suffix(DISCOVERY_PATH).unwrap_or_default()
}

/// Refuses what is no address of a discovery document.
pub fn check_configuration_url(text: &str, allow_http: bool) -> Result<(), String> {
    if find_issuer(text).is_empty() {
        return Err(format!("configuration_url must be the issuer followed by {DISCOVERY_PATH}"));
    }
    let url = Url::parse(text).map_err(|e| format!("configuration_url is no address: {e}"))?;
    match url.scheme() {
        "https" => Ok(()),
        "http" if allow_http => Ok(()),
        _ => Err(
            "configuration_url must begin with https://, because whoever can change its answer can log in as anybody; \
                  allow_http = true is for tests"
                .to_owned(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn check_changed_settings(changes: &Value) -> Result<(), String> {
        let mut settings = json!({"name": "lab", "client_id": "undulator",
            "configuration_url": "https://id.example/realms/lab/.well-known/openid-configuration"});
        settings.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        serde_json::from_value::<ProviderSettings>(settings).map_err(|e| e.to_string())?.check_settings()
    }

    #[test]
    fn a_provider_is_asked_over_tls() {
        assert_eq!(check_changed_settings(&json!({})), Ok(()));
        let plain = json!({"configuration_url": "http://id.example/.well-known/openid-configuration"});
        assert!(check_changed_settings(&plain).unwrap_err().contains("https"));
        let allowed = json!({"configuration_url": plain["configuration_url"], "allow_http": true});
        assert_eq!(check_changed_settings(&allowed), Ok(()));
    }

    #[test]
    fn mistakes_are_named() {
        for (changes, word) in [
            (json!({"name": "a/b"}), "name"),
            (json!({"mechanism": "a b"}), "mechanism"),
            (json!({"client_id": ""}), "client_id"),
            (json!({"scope": "profile"}), "openid"),
            (json!({"configuration_url": "https://id.example/"}), "issuer"),
            (json!({"configuration_url": "id/.well-known/openid-configuration"}), "configuration_url"),
            (json!({"configuration_url": "file:///x/.well-known/openid-configuration"}), "https"),
            (json!({"client_secret": "s"}), "unknown field"),
            (json!({"groups_claim": "/groups"}), "groups_prefix must be set"),
            (json!({"groups_claim": "groups", "groups_prefix": "lab-"}), "JSON pointer"),
            (json!({"groups_prefix": "lab-"}), "groups_claim must be set"),
            (json!({"groups_claim": "/g", "groups_prefix": "lab-", "groups": {"x": "root"}}), "`root` must begin with"),
        ] {
            let error = check_changed_settings(&changes).unwrap_err();
            assert!(error.contains(word), "{changes}: {error}");
        }
    }
}
