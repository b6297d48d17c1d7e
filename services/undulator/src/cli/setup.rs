//! The options of `undulator setup`.

use std::path::PathBuf;

use clap::Args;

/// Without --file it asks on the terminal, and keeps the answers in `facility.toml` for the next time. It can be repeated:
/// what is there stays, what is missing is added, what differs is reported.
#[derive(Debug, Args)]
pub struct Setup {
    /// TOML file with the answers; see docs/facility.toml.
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Say what would be done, and do nothing.
    #[arg(long)]
    pub dry_run: bool,
}
