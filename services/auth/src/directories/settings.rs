//! `[[auth.providers]]` with `kind = "ldap"`: the directories of the facility.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use service_kit::config::deserialize_duration;

use crate::domain::provider_user::{NameFormat, is_plain_name};

/// Where the name of the user stands in `user_dn` and `filter`, as in authn.ldap.
pub const NAME_PLACE: char = '%';
const MAX_TIMEOUT: Duration = Duration::from_secs(10);

/// An LDAP directory. Users are bound as `user_dn` says, or searched for, as `search_dn`, and then bound.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DirectorySettings {
    /// For errors and logs.
    pub name: String,
    /// Before the slash in ICAT user names; empty: the name.
    #[serde(default)]
    mechanism: String,
    /// Servers, separated by blanks, which are tried in this order.
    pub url: String,
    /// Whether to begin TLS on a plain connection.
    #[serde(default)]
    pub starttls: bool,
    /// Whether passwords may be sent without TLS.
    #[serde(default)]
    allow_plain: bool,
    /// A PEM file with certificates to trust besides those of the machine; empty: none.
    #[serde(default)]
    pub ca_file: PathBuf,
    /// For each answer of a server.
    #[serde(default = "default_timeout", deserialize_with = "deserialize_duration")]
    pub timeout: Duration,
    #[serde(default)]
    pub username_format: NameFormat,
    /// The name of a user in the directory, with `%` in place of the user name; empty: users are searched for.
    #[serde(default)]
    pub user_dn: String,
    /// Who searches; empty: nobody in particular.
    #[serde(default)]
    pub search_dn: String,
    #[serde(default)]
    pub search_password_file: PathBuf,
    #[serde(default)]
    pub base: String,
    /// With `%` in place of the user name.
    #[serde(default)]
    pub filter: String,
    /// The attribute with the user name as it is stored.
    #[serde(default = "default_attribute")]
    pub attribute: String,
    /// Whether its users may have the names of administrators.
    #[serde(default)]
    pub may_name_administrators: bool,
}

fn default_timeout() -> Duration {
    Duration::from_secs(5)
}

fn default_attribute() -> String {
    "uid".to_owned()
}

impl DirectorySettings {
    pub fn mechanism(&self) -> &str {
        if self.mechanism.is_empty() { &self.name } else { &self.mechanism }
    }

    pub fn list_urls(&self) -> impl Iterator<Item = &str> {
        self.url.split_whitespace()
    }

    pub fn check_settings(&self) -> Result<(), String> {
        if !is_plain_name(&self.name) || !is_plain_name(self.mechanism()) {
            return Err("name and mechanism must have letters, digits, - and _ only".to_owned());
        }
        if self.list_urls().next().is_none() {
            return Err("url must have an address such as ldaps://ldap.example.org".to_owned());
        }
        for url in self.list_urls() {
            let is_plain = url.starts_with("ldap://");
            if !(url.starts_with("ldaps://") || is_plain && (self.starttls || self.allow_plain)) {
                return Err(format!("{url}: passwords would be sent without TLS; use ldaps:// or starttls = true"));
            }
        }
        let has_one_place = |text: &str| text.matches(NAME_PLACE).count() == 1;
        let is_searched = self.user_dn.is_empty();
        if is_searched && (self.base.is_empty() || !self.filter.contains(NAME_PLACE)) {
            return Err("set user_dn, or base and a filter with % in place of the user name".to_owned());
        }
        if !is_searched && !has_one_place(&self.user_dn) {
            return Err("user_dn must have one % in place of the user name".to_owned());
        }
        if self.search_dn.is_empty() != self.search_password_file.as_os_str().is_empty() {
            return Err("search_dn and search_password_file belong together".to_owned());
        }
        if self.attribute.is_empty() || self.timeout.is_zero() || self.timeout > MAX_TIMEOUT {
            return Err("attribute must not be empty, and timeout must be more than 0s and at most 10s".to_owned());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn check_changed_settings(changes: &Value) -> Result<(), String> {
        let mut settings = json!({"name": "site", "url": "ldaps://ldap.example.org", "user_dn": "uid=%,ou=people"});
        settings.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        serde_json::from_value::<DirectorySettings>(settings).map_err(|e| e.to_string())?.check_settings()
    }

    #[test]
    fn passwords_are_sent_over_tls_alone() {
        for right in [
            json!({}),
            json!({"url": "ldap://a ldap://b", "starttls": true}),
            json!({"url": "ldap://a", "allow_plain": true}),
            json!({"user_dn": "", "base": "ou=people", "filter": "(uid=%)"}),
        ] {
            assert_eq!(check_changed_settings(&right), Ok(()), "{right}");
        }
        for wrong in [
            json!({"url": "ldap://a"}),
            json!({"url": "ldaps://a ldap://b"}),
            json!({"url": "http://a", "allow_plain": true}),
            json!({"url": " "}),
            json!({"name": "a b"}),
            json!({"user_dn": "uid=x"}),
            json!({"user_dn": "uid=%,ou=%"}),
            json!({"user_dn": ""}),
            json!({"user_dn": "", "base": "ou=people", "filter": "(uid=x)"}),
            json!({"search_dn": "cn=reader"}),
            json!({"timeout": "1m"}),
            json!({"password": "x"}),
        ] {
            assert!(check_changed_settings(&wrong).is_err(), "{wrong}");
        }
    }
}
