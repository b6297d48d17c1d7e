//! The options of `undulator auth`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub enum AuthCommand {
    /// Create a local account or set its password.
    AddUser(AddUser),
}

#[derive(Debug, Args)]
pub struct AddUser {
    /// MECHANISM/NAME, for example db/alice
    pub account: String,
    /// File with the password; - reads it from stdin. Without it the command asks on the terminal, or reads stdin.
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
}
