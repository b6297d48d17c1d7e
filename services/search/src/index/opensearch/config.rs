//! Settings of the cluster.

use service_kit::{ConfigError, Secret};

/// The settings `search.opensearch_…`; `config.default.toml` explains each.
#[derive(Debug, Clone)]
pub struct OpenSearchConfig {
    pub url: String,
    pub user: String,
    pub password: Secret,
    pub index_prefix: String,
    pub datafile_shards: u32,
    pub replicas: u32,
}

impl OpenSearchConfig {
    /// Says what is wrong with the settings.
    pub fn check(&self) -> Result<(), ConfigError> {
        let url = reqwest::Url::parse(&self.url).map_err(|e| ConfigError(format!("search.opensearch_url: {e}")))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(ConfigError("search.opensearch_url must begin with http:// or https://".to_owned()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(ConfigError(
                "search.opensearch_url must have no account; set search.opensearch_user and opensearch_password"
                    .to_owned(),
            ));
        }
        let is_allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if !self.index_prefix.starts_with(|c: char| c.is_ascii_lowercase())
            || !self.index_prefix.chars().all(is_allowed)
        {
            return Err(ConfigError(
                "search.opensearch_index_prefix must be lower-case letters, digits and \"-\", and begin with a letter"
                    .to_owned(),
            ));
        }
        if self.datafile_shards == 0 {
            return Err(ConfigError("search.opensearch_datafile_shards must be at least 1".to_owned()));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_setting(url: &str, prefix: &str, shards: u32) -> Result<(), String> {
        let config = OpenSearchConfig {
            url: url.to_owned(),
            user: String::new(),
            password: Secret::default(),
            index_prefix: prefix.to_owned(),
            datafile_shards: shards,
            replicas: 0,
        };
        config.check().map_err(|e| e.0)
    }

    #[test]
    fn wrong_settings_are_named() {
        assert_eq!(check_setting("https://search.example.org:9200", "undulator", 1), Ok(()));
        for (url, prefix, shards, named) in [
            ("search", "undulator", 1, "url"),
            ("ftp://search", "undulator", 1, "url"),
            ("https://user:secret@search", "undulator", 1, "password"),
            ("https://search", "Undulator", 1, "index_prefix"),
            ("https://search", "", 1, "index_prefix"),
            ("https://search", "undulator", 0, "datafile_shards"),
        ] {
            let error = check_setting(url, prefix, shards).unwrap_err();
            assert!(error.contains(named) && !error.contains("secret@"), "{error}");
        }
    }
}
