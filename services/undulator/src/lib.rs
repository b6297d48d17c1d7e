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
