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
