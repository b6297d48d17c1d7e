//! The command line.

mod auth;
mod expiry;
mod find;
mod get;
mod icat;
mod login;
mod search;
mod search_conditions;
mod session;
mod setup;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use service_kit::cli::{self, Options};

pub use self::auth::{
    AccountCommand, AddUser, ApiKeyCommand, AuthCommand, ImportAccounts, KeysCommand, LinkCommand, NewApiKey, NewUser,
    SessionsCommand, UserCommand,
};
pub use self::find::{Find, Sort, Target};
pub use self::get::{Get, What};
pub use self::icat::{
    AddInstrument, AddInvestigation, Grant, InstrumentCommand, InvestigationCommand, InvestigationName, Revoke,
};
pub use self::login::{ChosenLogin, Login};
pub use self::search::SearchCommand;
pub use self::search_conditions::{DayOrMoment, ParameterCondition};
pub use self::session::SessionOptions;
pub use self::setup::Setup;

/// Back end of a scientific facility around its ICAT metadata catalogue.
#[derive(Debug, Parser)]
#[command(name = "undulator", version)]
pub struct Cli {
    #[command(flatten)]
    pub options: Options,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    #[command(flatten)]
    Shared(cli::Command),
    /// Set up a facility of your own: settings, accounts, rules, instruments and their API keys.
    Setup(Setup),
    /// Create a small demo facility with users and files, and serve it.
    Demo(Demo),
    /// Log in at a facility. Other commands with its --url use the login until it ends; its tokens stand in a private file,
    /// undulator/logins.json below `$XDG_CONFIG_HOME` or ~/.config.
    Login(Login),
    /// End a login.
    Logout(ChosenLogin),
    /// Print who is logged in.
    Whoami(ChosenLogin),
    /// Print an access token for other programs, such as: curl -H "Authorization: Bearer $(undulator token)" …
    Token(ChosenLogin),
    /// Download an investigation, datasets or files.
    Get(Box<Get>),
    /// Search datafiles, datasets and investigations, and print the paths of files for other programs. The exit status is 0
    /// whether or not anything is found, 1 if the search fails or its index lacks rows, and 2 if the search has a mistake.
    Find(Box<Find>),
    /// Manage the embedded catalogue: import, export, ingest, investigations, instruments and members.
    #[command(subcommand)]
    Icat(IcatCommand),
    /// Manage local accounts, API keys and the keys that sign access tokens.
    #[command(subcommand)]
    Auth(AuthCommand),
    /// Verify exports of the logbook.
    #[command(subcommand)]
    Logbook(LogbookCommand),
    /// Manage the index of the search service.
    #[command(subcommand)]
    Search(SearchCommand),
    /// Watch events, and retry failed ones.
    #[command(subcommand)]
    Events(EventsCommand),
}

#[derive(Debug, Args)]
pub struct Demo {
    /// Directory of the facility; created if it does not exist.
    #[arg(long, default_value = "demo-data")]
    pub dir: PathBuf,
    /// Create the facility and exit.
    #[arg(long)]
    pub generate_only: bool,
    /// Write only the history of the last hours into the logbook, and no new entries.
    #[arg(long)]
    pub quiet_beamline: bool,
}

#[derive(Debug, Subcommand)]
pub enum IcatCommand {
    /// Import a dump in the format of python-icat's icatdump, as YAML or XML.
    Import {
        /// The dump.
        file: PathBuf,
        /// Check everything without storing anything.
        #[arg(long)]
        dry_run: bool,
        /// What to do if a row is already stored with other values.
        #[arg(long, default_value = "fail", value_parser = ["fail", "skip"])]
        on_conflict: String,
        /// User recorded as the creator; the default is the first of `catalogue.root_user_names`.
        #[arg(long = "as", value_name = "USER")]
        user: Option<String>,
    },
    /// Export the whole catalogue as a dump in the format of python-icat's icatdump.
    Export {
        /// File for the dump; it is written completely or not at all.
        file: PathBuf,
        /// Format of the dump.
        #[arg(long, default_value = "yaml", value_parser = ["yaml", "xml"])]
        format: String,
    },
    /// Catalogue a directory of data files as datasets of an investigation.
    Ingest(Ingest),
    /// Add, list and show investigations.
    #[command(subcommand)]
    Investigation(InvestigationCommand),
    /// Add instruments.
    #[command(subcommand)]
    Instrument(InstrumentCommand),
    /// Add a member to an investigation.
    Grant(Grant),
    /// Remove a member from an investigation.
    Revoke(Revoke),
    /// Compare what users may read and the counters of datafiles with the rows that they follow from. They differ only if
    /// another program has changed rows in the database; then the exit status is 1.
    Verify {
        /// Compute them anew. Rows can be read but not changed meanwhile.
        #[arg(long)]
        repair: bool,
    },
}

#[expect(clippy::struct_excessive_bools, reason = "each is an option of the command line")]
#[derive(Debug, Args)]
pub struct Ingest {
    /// A directory below the root of the storage. Each directory in it becomes a dataset; files directly in it become a
    /// dataset with its name.
    pub directory: PathBuf,
    /// Name of the investigation.
    #[arg(long, value_name = "NAME")]
    pub investigation: String,
    /// Its visit; needed if several investigations have this name. A new investigation gets visit 1.
    #[arg(long)]
    pub visit: Option<String>,
    /// Its facility; needed if several have investigations with this name.
    #[arg(long, value_name = "NAME")]
    pub facility: Option<String>,
    /// Create the investigation if it does not exist.
    #[arg(long)]
    pub create: bool,
    /// Title of the new investigation; the default is its name.
    #[arg(long, requires = "create")]
    pub title: Option<String>,
    /// Type of the new investigation; needed if the facility has several.
    #[arg(long, requires = "create", value_name = "NAME")]
    pub investigation_type: Option<String>,
    /// An instrument of the new investigation; can be repeated.
    #[arg(long, requires = "create", value_name = "NAME")]
    pub instrument: Vec<String>,
    /// Start of the new investigation: 2026-01-12, 2026-01-12T09:00 (in `catalogue.time_zone`), or with a time zone.
    /// The default is today.
    #[arg(long, requires = "create", value_name = "TIME")]
    pub start: Option<String>,
    /// The configured storage that contains the directory.
    #[arg(long, default_value = "main", value_name = "NAME")]
    pub storage: String,
    /// Name of the dataset type; created if it does not exist.
    #[arg(long = "type", default_value = "raw")]
    pub dataset_type: String,
    /// Change the location of datasets and files that are catalogued elsewhere to this directory; use it only if the data
    /// has moved.
    #[arg(long)]
    pub repoint: bool,
    /// Also catalogue files that belong to another investigation; users of both investigations can then read them.
    #[arg(long)]
    pub also_elsewhere: bool,
    /// Include files and directories whose names begin with a dot, which are skipped by default.
    #[arg(long)]
    pub hidden: bool,
    /// Remove files from the catalogue that were below the directory and no longer exist; --dry-run lists them. Rows
    /// are kept if a disk may not be mounted, if another storage has the file, or if there is a DOI.
    #[arg(long)]
    pub forget_gone: bool,
    /// With --forget-gone, also if more than half of the catalogued files below the directory are gone.
    #[arg(long, requires = "forget_gone")]
    pub most_may_be_gone: bool,
    /// Report what would be done, without reading files or storing anything.
    #[arg(long)]
    pub dry_run: bool,
    /// How many files are read at the same time.
    #[arg(long, default_value_t = 4)]
    pub jobs: usize,
    /// User recorded as the creator; the default is the first of `catalogue.root_user_names`.
    #[arg(long = "as", value_name = "USER")]
    pub user: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum LogbookCommand {
    /// Verify the hash chain and the signature of exported records: `GET /logbook/{session}/records?investigationId=…`
    Verify(Verify),
}

#[derive(Debug, clap::Args)]
pub struct Verify {
    /// File of JSON lines, - for stdin, or the URL of the records, such as
    /// `https://logbook.example.org/logbook/-/records?investigationId=4711`
    #[arg(value_name = "FILE|URL")]
    pub source: String,
    /// File with the response of `GET /logbook/keys`; one of its keys must have signed the logbook. If a URL is given
    /// instead of a file, the keys are fetched from its server, and the logbook need not be closed.
    #[arg(long, value_name = "FILE")]
    pub keys: Option<PathBuf>,
    /// File with a session id, for a URL; - reads it from stdin. The default is the environment variable
    /// `ICAT_SESSION_ID`.
    #[arg(long, value_name = "FILE")]
    pub session_file: Option<PathBuf>,
    /// PEM file with additional certificates to trust.
    #[arg(long, default_value = "", hide_default_value = true)]
    pub ca_file: String,
}

#[derive(Debug, Subcommand)]
pub enum EventsCommand {
    /// Print events as they are published (over NATS).
    Tail,
    /// List events that could not be processed.
    Dead,
    /// Retry events that could not be processed.
    Retry,
}

#[cfg(test)]
mod tests {
    use clap::{Command, CommandFactory as _, Parser as _};

    use super::Cli;

    /// Every command that the help shows, with its whole name.
    fn list_commands(name: &str, command: &Command) -> Vec<(String, Command)> {
        let shown = command.get_subcommands().filter(|inner| !inner.is_hide_set() && inner.get_name() != "help");
        let inner = shown.flat_map(|inner| list_commands(&format!("{name} {}", inner.get_name()), inner));
        std::iter::once((name.to_owned(), command.clone())).chain(inner).collect()
    }

    #[test]
    fn every_help_is_a_list_without_gaps_in_which_everything_is_explained() {
        let mut all = Cli::command();
        all.build();
        let commands = list_commands("undulator", &all);
        for (name, command) in &commands {
            assert!(command.get_about().is_some(), "{name}");
            for argument in command.get_arguments() {
                assert!(argument.get_help().is_some(), "{name}: {}", argument.get_id());
            }
            let print = |option| Cli::try_parse_from(name.split(' ').chain([option])).unwrap_err().to_string();
            let help = print("--help");
            assert_eq!(help, print("-h"), "{name}");
            for section in ["Arguments:", "Options:"] {
                let Some((_, listed)) = help.split_once(&format!("{section}\n")) else { continue };
                let (listed, after) = listed.split_once("\n\n").unwrap_or((listed, ""));
                let ends = after.is_empty() || after.starts_with("Options:") || after.starts_with("Commands:");
                assert!(!listed.is_empty() && ends, "{name}:\n{help}");
            }
        }
        println!("{} commands", commands.len());
    }
}
