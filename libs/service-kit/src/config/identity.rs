//! `[identity]`: who is calling, and what they may do.

use jiff::Timestamp;
use serde::Deserialize;

use super::{ConfigError, RequiredLevelConfig};

/// Whose word counts for who is calling.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdentityConfig {
    pub issuer: String,
    pub jwks_url: String,
    pub auth_url: String,
    pub audience: String,
    pub administrators: Vec<String>,
    #[serde(default)]
    pub api_keys: Vec<ApiKeyConfig>,
    #[serde(default)]
    pub required_levels: Vec<RequiredLevelConfig>,
}

/// Before the name of a group in `identity.administrators`.
const GROUP: &str = "group:";

impl IdentityConfig {
    /// The users who are administrators by their names.
    pub fn list_administrator_users(&self) -> Vec<String> {
        self.administrators.iter().filter(|name| !name.starts_with(GROUP)).cloned().collect()
    }

    /// The groups of the catalogue (`Grouping`) whose members are administrators.
    pub fn list_administrator_groups(&self) -> Vec<String> {
        self.administrators.iter().filter_map(|name| name.strip_prefix(GROUP)).map(str::to_owned).collect()
    }

    /// Refuses groups that nobody can look up. While a secret cannot be read, nobody knows whether there is a reader account.
    pub(super) fn check_administrators(&self, has_reader: bool) -> Result<(), ConfigError> {
        match self.list_administrator_groups().first() {
            Some(group) if group.is_empty() => {
                Err(ConfigError(format!("identity.administrators: `{GROUP}` must be followed by the name of a group")))
            }
            Some(group) if !has_reader => Err(ConfigError(format!(
                "identity.administrators lists the group `{group}`, and the members of groups are looked up with the account \
                 of icat.reader; set it"
            ))),
            _ => Ok(()),
        }
    }
}

/// A key for a program, known by its SHA-256 alone.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApiKeyConfig {
    pub name: String,
    /// 64 hexadecimal digits.
    pub sha256: String,
    /// The ICAT user in whose name the program acts.
    pub user: String,
    pub scopes: Vec<String>,
    /// Names of the instruments that the program may write for; empty: every instrument.
    #[serde(default)]
    pub instruments: Vec<String>,
    pub expires: Timestamp,
}

impl ApiKeyConfig {
    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        let wrong = |what: &str| Err(ConfigError(format!("identity.api_keys: `{}`: {what}", self.name)));
        if self.sha256.len() != 64 || !self.sha256.bytes().all(|b| b.is_ascii_hexdigit()) {
            return wrong("sha256 must be 64 hexadecimal digits, as `sha256sum` prints them");
        }
        if self.user.is_empty() || self.scopes.is_empty() {
            return wrong("user and scopes must not be empty");
        }
        if self.instruments.iter().any(|name| name.trim().is_empty()) {
            return wrong(
                "instruments must be names of instruments; leave the setting out for a key without restriction",
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Config, OtherSections};

    #[test]
    fn groups_of_administrators_need_an_account_that_knows_their_members() {
        let load = |administrators: &str, reader: &str| {
            let toml = format!("[identity]\nadministrators = {administrators}\n[icat]\nreader = \"{reader}\"\n");
            Config::from_toml_beside(&[], &OtherSections::default(), &toml).map_err(|e| e.0)
        };
        let identity = load("[\"db/root\", \"group:staff\"]", "simple:r:x").unwrap().core.identity;
        assert_eq!(identity.list_administrator_users(), ["db/root"]);
        assert_eq!(identity.list_administrator_groups(), ["staff"]);
        assert!(load("[\"db/root\"]", "").is_ok());
        assert!(load("[\"group:staff\"]", "").unwrap_err().contains("icat.reader; set it"));
        assert!(load("[\"group:\"]", "simple:r:x").unwrap_err().contains("must be followed by the name of a group"));
    }
}
