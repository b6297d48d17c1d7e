//! The options of `undulator auth`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::expiry::Expiry;

#[derive(Debug, Subcommand)]
pub enum AuthCommand {
    /// Add, list, change and remove local accounts, and link accounts to users of identity providers.
    #[command(subcommand)]
    User(UserCommand),
    /// List and end logins.
    #[command(subcommand)]
    Sessions(SessionsCommand),
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
pub enum SessionsCommand {
    /// List who is logged in, the newest login first.
    List {
        /// Only the logins of this user, MECHANISM/NAME
        #[arg(long)]
        user: Option<String>,
    },
    /// End a login, or all logins of a user, who can log in again.
    End {
        /// The id of a login, or its beginning, from the list
        #[arg(required_unless_present = "user")]
        id: Option<String>,
        /// All logins of this user, MECHANISM/NAME
        #[arg(long, conflicts_with = "id")]
        user: Option<String>,
    },
}

/// Users of identity providers who get another account than that of their name there.
#[derive(Debug, Subcommand)]
pub enum LinkCommand {
    /// Let somebody at an identity provider log in with another account, such as a member of staff who uses ORCID.
    Link {
        /// The account, MECHANISM/NAME
        account: String,
        /// The name of the provider in the settings.
        #[arg(long)]
        provider: String,
        /// What the provider's tokens have as `sub`; at ORCID the iD, at Keycloak the user's ID.
        #[arg(long)]
        subject: String,
    },
    /// Remove the links of an account to an identity provider.
    Unlink {
        /// The account, MECHANISM/NAME
        account: String,
        /// The name of the provider in the settings.
        #[arg(long)]
        provider: String,
    },
    /// List the links of an account.
    Links {
        /// The account, MECHANISM/NAME
        account: String,
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
    #[command(flatten)]
    Account(AccountCommand),
    #[command(flatten)]
    Link(LinkCommand),
}

/// Local accounts, and names of users of identity providers.
#[derive(Debug, Subcommand)]
pub enum AccountCommand {
    /// Create an account.
    Add(NewUser),
    /// Create the accounts of another program, such as authn.db, with their passwords.
    Import(ImportAccounts),
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
pub struct ImportAccounts {
    /// Lines NAME:HASH with hashes of crypt(3) ($1$, $5$, $6$) or bcrypt, as in /etc/shadow or of htpasswd; further fields are ignored.
    pub file: PathBuf,
    /// The mechanism of the accounts, for example db
    #[arg(long)]
    pub mechanism: String,
    /// The lines are NAME:PASSWORD, with passwords as they are typed.
    #[arg(long)]
    pub clear: bool,
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
