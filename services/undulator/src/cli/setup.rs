//! The options of `undulator setup`.

use std::path::PathBuf;

use clap::Args;

/// Without --file it asks on the terminal, and stores the answers in `facility.toml` for the next run. It can be
/// repeated: it adds what is missing, keeps what exists, and reports what differs.
#[derive(Debug, Args)]
pub struct Setup {
    /// TOML file with the answers; see docs/facility.toml.
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Report what would be done, without changing anything.
    #[arg(long)]
    pub dry_run: bool,
}
