//! The options with which a command that is a client of a facility logs in.

use std::path::PathBuf;

use clap::Args;

/// A session id is never an option, because command lines are visible to other users. It comes from a file, from the
/// environment variable `ICAT_SESSION_ID`, or from `undulator login`.
#[derive(Debug, Args)]
pub struct SessionOptions {
    /// User, as MECHANISM/NAME (db/alice), or just MECHANISM if it needs no credentials (anon).
    #[arg(long)]
    pub user: Option<String>,
    /// File with the password; - reads it from stdin. The default is to ask on the terminal.
    #[arg(long, requires = "user")]
    pub password_file: Option<PathBuf>,
    /// File with the id of an open session; - reads it from stdin. The default without --user is the environment
    /// variable `ICAT_SESSION_ID`, then the login of `undulator login`.
    #[arg(long, conflicts_with = "user")]
    pub session_file: Option<PathBuf>,
}
