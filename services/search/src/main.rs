//! `undulator-search`: this service alone.

use std::process::ExitCode;

fn main() -> ExitCode {
    service_kit::cli::run_service_binary(search::SERVICE, include_str!("../../sections.toml"))
}
