//! The all-in-one binary and the administrative commands: a list of services, no logic of theirs.

mod cli;
mod commands;
mod progress;

use std::process::ExitCode;

use clap::Parser as _;
use service_kit::ServiceDef;

use self::cli::Cli;

/// Every service of the suite.
const SERVICES: &[ServiceDef] = &[auth::SERVICE, download::SERVICE, icat::SERVICE, logbook::SERVICE];

/// The whole program.
pub fn main() -> ExitCode {
    service_kit::cli::block_on(commands::run(Cli::parse()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

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
