//! `[[auth.providers]]`: where users of the facility prove who they are, besides the local accounts.

use std::collections::HashSet;

use serde::Deserialize;
use service_kit::ConfigError;

use crate::directories::DirectorySettings;
use crate::providers::ProviderSettings;

/// An identity provider, by its protocol.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum IdentityProvider {
    /// Users are sent there with a browser.
    Oidc(ProviderSettings),
    /// Passwords are checked there.
    Ldap(DirectorySettings),
}

impl IdentityProvider {
    fn name(&self) -> &str {
        match self {
            Self::Oidc(provider) => &provider.name,
            Self::Ldap(directory) => &directory.name,
        }
    }
}

/// Refuses wrong providers, and two with the same name.
pub fn check_identity_providers(providers: &[IdentityProvider]) -> Result<(), ConfigError> {
    let mut names = HashSet::new();
    for provider in providers {
        let refused = |text: String| ConfigError(format!("auth.providers: `{}`: {text}", provider.name()));
        let checked = match provider {
            IdentityProvider::Oidc(provider) => provider.check_settings(),
            IdentityProvider::Ldap(directory) => directory.check_settings(),
        };
        checked.map_err(refused)?;
        if !names.insert(provider.name()) {
            return Err(refused("there are two providers with this name".to_owned()));
        }
    }
    Ok(())
}
