//! The options of `undulator login`, `logout`, `whoami` and `token`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

#[derive(Debug, Args)]
pub struct Login {
    /// URL of the facility, such as `https://data.example.org`
    #[arg(long)]
    pub url: String,
    /// User, as MECHANISM/NAME (db/alice), who logs in with a password.
    #[arg(long, conflicts_with = "provider")]
    pub user: Option<String>,
    /// Identity provider of the facility where you log in with a browser, on this or another device.
    #[arg(long, value_name = "NAME")]
    pub provider: Option<String>,
    /// A level of which the identity provider must state one (acr), where an operation demands it; may be repeated.
    #[arg(long, value_name = "LEVEL", requires = "provider")]
    pub acr: Vec<String>,
    /// How long ago you may have logged in at the identity provider, such as 15m.
    #[arg(long, value_name = "TIME", requires = "provider", value_parser = humantime::parse_duration)]
    pub max_age: Option<Duration>,
    /// File with the password; - reads it from stdin. The default is to ask on the terminal.
    #[arg(long, value_name = "FILE", conflicts_with = "provider")]
    pub password_file: Option<PathBuf>,
    /// PEM file with additional certificates to trust.
    #[arg(long, default_value = "", hide_default_value = true)]
    pub ca_file: String,
}

/// Which login a command is about.
#[derive(Debug, Args)]
pub struct ChosenLogin {
    /// URL of the facility; needed if you are logged in at several.
    #[arg(long)]
    pub url: Option<String>,
    /// PEM file with additional certificates to trust.
    #[arg(long, default_value = "", hide_default_value = true)]
    pub ca_file: String,
}
