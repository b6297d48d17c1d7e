//! The options of `undulator auth`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::expiry::Expiry;

#[derive(Debug, Subcommand)]
pub enum AuthCommand {
    /// Add, list, change and remove local accounts.
    #[command(subcommand)]
    User(UserCommand),
    /// Change the keys that sign access tokens.
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Create, list and revoke API keys of programs.
    #[command(subcommand)]
    ApiKey(ApiKeyCommand),
    /// Create a local account or set its password; the former name of `user add` and `user set-password`.
    #[command(hide = true)]
    AddUser(AddUser),
}

#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// Take the next step of the rotation: create a key, or, a day later, let it sign. To be run once a day.
    Rotate {
        /// Somebody else may have the keys: let a new one sign at once, and refuse the tokens that the others signed.
        #[arg(long)]
        compromised: bool,
    },
}

#[derive(Debug, Subcommand)]
pub enum ApiKeyCommand {
    /// Create a key. It is printed once, on stdout.
    Create(NewApiKey),
    /// List the keys of the database, also expired and revoked ones.
    List {
        /// Only keys that act for this ICAT user.
        #[arg(long, value_name = "USER")]
        user: Option<String>,
    },
    /// Revoke a key: running services refuse it within seconds.
    Revoke {
        /// Name or id of the key.
        #[arg(value_name = "NAME|ID")]
        key: String,
    },
}

#[derive(Debug, Args)]
pub struct NewApiKey {
    /// Letters, digits, dots, underscores and hyphens; unique among the keys that are not revoked.
    pub name: String,
    /// The ICAT user that the key acts for, such as simple/id29.
    #[arg(long, value_name = "USER")]
    pub user: String,
    /// What the key may be used for, such as logbook:write; can be repeated.
    #[arg(long = "scope", value_name = "SCOPE", required = true)]
    pub scopes: Vec<String>,
    /// An instrument that the key may write for; can be repeated. Without it, the key may write for every instrument.
    #[arg(long = "instrument", value_name = "NAME")]
    pub instruments: Vec<String>,
    /// When the key expires: a day (its beginning, UTC), a moment, or a time from now such as 365days.
    #[arg(long, value_name = "DATE|DURATION")]
    pub expires: Expiry,
}

#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// Create an account.
    Add(NewUser),
    /// List the accounts.
    List,
    /// Lock an account, and end its sessions.
    Lock(Account),
    /// Unlock an account.
    Unlock(Account),
    /// Remove an account; its name stays in entries and rows of the catalogue.
    Remove(Account),
    /// Set the password of an account.
    SetPassword(AddUser),
    /// Let a user name of an identity provider belong to the next user who logs in with it.
    Unbind {
        /// MECHANISM/NAME, for example lab/alice
        user: String,
    },
}

#[derive(Debug, Args)]
pub struct Account {
    /// MECHANISM/NAME, for example db/alice
    pub account: String,
}

#[derive(Debug, Args)]
pub struct NewUser {
    #[command(flatten)]
    pub account: AddUser,
    /// Full name, stored in the embedded catalogue and shown in the logbook.
    #[arg(long, value_name = "NAME")]
    pub full_name: Option<String>,
}

#[derive(Debug, Args)]
pub struct AddUser {
    /// MECHANISM/NAME, for example db/alice
    pub account: String,
    /// File with the password; - reads it from stdin. The default is to ask on the terminal, or to read stdin.
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
}
