//! `[[identity.required_levels]]`: what operations need besides a login.

use std::time::Duration;

use ipnet::IpNet;
use serde::{Deserialize, Deserializer};

use super::{ConfigError, deserialize_duration};

/// What the operations of some scopes demand of a login.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequiredLevelConfig {
    pub scopes: Vec<String>,
    /// Levels of which a login must have one, or one of the methods.
    #[serde(default)]
    pub acr: Vec<String>,
    #[serde(default)]
    pub amr: Vec<String>,
    /// How long ago the user may have logged in.
    #[serde(default, deserialize_with = "deserialize_optional_duration")]
    pub max_age: Option<Duration>,
    /// Clients in these networks are exempt.
    #[serde(default)]
    pub except_networks: Vec<IpNet>,
}

fn deserialize_optional_duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    deserialize_duration(deserializer).map(Some)
}

impl RequiredLevelConfig {
    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        let wrong = |what: &str| {
            let scopes = self.scopes.join(", ");
            Err(ConfigError(format!("identity.required_levels: the entry for the scopes [{scopes}]: {what}")))
        };
        if self.scopes.is_empty() {
            return wrong("scopes must not be empty");
        }
        let values = [&self.acr, &self.amr];
        // A level is a word in `acr_values` and in a quoted string of WWW-Authenticate.
        let is_word =
            |text: &String| !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic() && !b"\"\\".contains(&b));
        if !values.into_iter().flatten().all(is_word) {
            return wrong("acr and amr must be words of ASCII without quotes");
        }
        // ISO/IEC 29115, level 0: nothing is known of who logged in.
        if self.acr.iter().any(|level| level == "0") {
            return wrong("the level 0 is never enough; list others in acr");
        }
        if values.into_iter().all(Vec::is_empty) && self.max_age.is_none() {
            return wrong("it demands nothing; set acr, amr or max_age");
        }
        if self.max_age.is_some_and(|age| age.as_secs() == 0) {
            return wrong("max_age must be at least 1s");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::config::Config;
    use crate::config::OtherSections;

    fn load_entry(entry: &str) -> Result<Config, String> {
        let toml = format!("[[identity.required_levels]]\n{entry}");
        Config::from_toml_beside(&[], &OtherSections::default(), &toml).map_err(|e| e.0)
    }

    #[test]
    fn an_entry_says_for_what_it_demands_what() {
        let loaded = load_entry(
            "scopes = [\"admin\"]\nacr = [\"mfa\"]\namr = [\"otp\"]\nmax_age = \"15m\"\nexcept_networks = [\"10.0.0.0/8\"]",
        );
        let entry = &loaded.unwrap().core.identity.required_levels[0];
        assert_eq!(entry.max_age.unwrap().as_secs(), 900);
        for (wrong, says) in [
            ("scopes = [\"admin\"]", "[admin]: it demands nothing; set acr, amr or max_age"),
            ("scopes = []\nacr = [\"mfa\"]", "scopes must not be empty"),
            ("scopes = [\"admin\"]\nacr = [\"0\"]", "the level 0 is never enough"),
            ("scopes = [\"admin\"]\nacr = [\"a b\"]", "must be words"),
            ("scopes = [\"admin\"]\namr = [\"a\\\"\"]", "must be words"),
            ("scopes = [\"admin\"]\nmax_age = \"0s\"", "max_age must be at least 1s"),
            ("scopes = [\"admin\"]\nacr = [\"mfa\"]\nage = \"1s\"", "age"),
        ] {
            let text = load_entry(wrong).unwrap_err();
            assert!(text.contains(says), "{wrong}: {text}");
        }
    }
}
