//! The all-in-one binary and the administrative commands: a list of services, no logic of theirs.

mod cli;
mod commands;
mod failure;
mod progress;

use std::process::ExitCode;

use clap::Parser as _;
use service_kit::ServiceDef;

use self::cli::Cli;

/// Every service of the suite.
const SERVICES: [ServiceDef; 3] = [auth::SERVICE, download::SERVICE, icat::SERVICE];

fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(e) => {
            eprintln!("cannot start: {e}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(commands::run(cli)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::from(failure.exit_code())
        }
    }
}
