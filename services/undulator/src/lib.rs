//! The all-in-one program: a list of services, and the administrative commands.

mod cli;
mod commands;
mod progress;
mod services;

use std::process::ExitCode;

use clap::Parser as _;

use self::cli::Cli;

/// Runs the command line.
pub fn main() -> ExitCode {
    service_kit::cli::block_on(commands::run_command(Cli::parse()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use crate::services::SERVICES;

    /// API keys are created for these only.
    #[test]
    fn every_scope_of_a_service_exists() {
        for service in SERVICES {
            let unknown: Vec<_> = service.scopes.iter().filter(|scope| !identity::SCOPES.contains(scope)).collect();
            assert!(
                unknown.is_empty(),
                "{}: add to libs/identity/src/permissions/permission.rs: {unknown:?}",
                service.name
            );
        }
    }

    /// Binaries of single services accept the sections of the others, which stand in a list of their own.
    #[test]
    fn the_list_of_sections_has_those_of_all_services_and_their_secrets() {
        let listed: BTreeMap<String, Vec<String>> = toml::from_str(include_str!("../../sections.toml")).unwrap();
        let mut expected: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for service in SERVICES {
            let sections: toml::Table = toml::from_str(service.settings.defaults).unwrap();
            expected.extend(sections.keys().map(|name| (name.clone(), Vec::new())));
            for secret in service.settings.secrets {
                let (section, key) = secret.split_once('.').unwrap();
                expected.get_mut(section).unwrap().push(key.to_owned());
            }
        }
        assert_eq!(listed, expected, "services/sections.toml");
    }
}
