//! The command line.

mod auth;
mod get;
mod icat;
mod setup;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use service_kit::cli::{self, Options};

pub use self::auth::{AddUser, AuthCommand, NewUser, UserCommand};
pub use self::get::{Get, What};
pub use self::icat::{
    AddInstrument, AddInvestigation, Grant, InstrumentCommand, InvestigationCommand, InvestigationName, Revoke,
};
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
    /// Make a small facility with users and files, and serve it.
    Demo(Demo),
    /// Download an investigation, datasets or files.
    Get(Box<Get>),
    /// Fill the embedded catalogue, and say who belongs to what.
    #[command(subcommand)]
    Icat(IcatCommand),
    /// Manage local accounts.
    #[command(subcommand)]
    Auth(AuthCommand),
    /// Check what the logbook has exported.
    #[command(subcommand)]
    Logbook(LogbookCommand),
    /// Watch events, and try failed ones again.
    #[command(subcommand)]
    Events(EventsCommand),
}

#[derive(Debug, Args)]
pub struct Demo {
    /// Where the facility lives; made if it does not exist.
    #[arg(long, default_value = "demo-data")]
    pub dir: PathBuf,
    /// Make the facility and end.
    #[arg(long)]
    pub generate_only: bool,
    /// Write no more into the logbook than the history of its last hours.
    #[arg(long)]
    pub quiet_beamline: bool,
}

#[derive(Debug, Subcommand)]
pub enum IcatCommand {
    /// Read a facility from a dump of python-icat's icatdump, YAML or XML.
    Import {
        /// The dump.
        file: PathBuf,
        /// Do everything and keep nothing.
        #[arg(long)]
        dry_run: bool,
        /// What to do with rows that are stored with other values: fail or skip.
        #[arg(long, default_value = "fail", value_parser = ["fail", "skip"])]
        on_conflict: String,
        /// Who is recorded as the creator; without it the first of `catalogue.root_user_names`.
        #[arg(long = "as", value_name = "USER")]
        user: Option<String>,
    },
    /// Write the whole catalogue as a dump of python-icat's icatdump.
    Export {
        /// Is written as a whole or not at all.
        file: PathBuf,
        /// Form of the dump.
        #[arg(long, default_value = "yaml", value_parser = ["yaml", "xml"])]
        format: String,
    },
    /// Catalogue a directory of data files as datasets of an investigation.
    Ingest(Ingest),
    /// Investigations.
    #[command(subcommand)]
    Investigation(InvestigationCommand),
    /// Instruments.
    #[command(subcommand)]
    Instrument(InstrumentCommand),
    /// Make somebody a member of an investigation.
    Grant(Grant),
    /// End somebody's membership of an investigation.
    Revoke(Revoke),
}

#[expect(clippy::struct_excessive_bools, reason = "each is an option of the command line")]
#[derive(Debug, Args)]
pub struct Ingest {
    /// A directory under the root of the storage. Each directory in it becomes a dataset; files that lie directly in it
    /// become a dataset named like it.
    pub directory: PathBuf,
    /// Name of the investigation.
    #[arg(long, value_name = "NAME")]
    pub investigation: String,
    /// Its visit; needed where several have the name. 1 for one that is made.
    #[arg(long)]
    pub visit: Option<String>,
    /// Its facility; needed where several have the name.
    #[arg(long, value_name = "NAME")]
    pub facility: Option<String>,
    /// Make the investigation if there is none.
    #[arg(long)]
    pub create: bool,
    /// Title of the investigation that is made; without it the name.
    #[arg(long, requires = "create")]
    pub title: Option<String>,
    /// Type of the investigation that is made; needed where the facility has several.
    #[arg(long, requires = "create", value_name = "NAME")]
    pub investigation_type: Option<String>,
    /// An instrument of the investigation that is made; may be given several times.
    #[arg(long, requires = "create", value_name = "NAME")]
    pub instrument: Vec<String>,
    /// When the investigation that is made begins: 2026-01-12, 2026-01-12T09:00 (in `catalogue.time_zone`) or with a zone
    /// of its own. Without it today.
    #[arg(long, requires = "create", value_name = "TIME")]
    pub start: Option<String>,
    /// Which of the configured storages the directory lies in.
    #[arg(long, default_value = "main", value_name = "NAME")]
    pub storage: String,
    /// Name of the dataset type; made if it is missing.
    #[arg(long = "type", default_value = "raw")]
    pub dataset_type: String,
    /// Let datasets and files that are catalogued at another location point to this directory: only if the data has moved.
    #[arg(long)]
    pub repoint: bool,
    /// Catalogue files also if another investigation has them already; then whoever may see one of the two sees them.
    #[arg(long)]
    pub also_elsewhere: bool,
    /// Take files and directories whose names begin with a dot, which are skipped otherwise.
    #[arg(long)]
    pub hidden: bool,
    /// Remove files from the catalogue that are catalogued below the directory and not on disk any more; --dry-run lists
    /// them. Rows stay where a disk may not be mounted, where another storage has the file, and where there is a DOI.
    #[arg(long)]
    pub forget_gone: bool,
    /// With --forget-gone, also where more than half of the files that are catalogued below the directory are gone.
    #[arg(long, requires = "forget_gone")]
    pub most_may_be_gone: bool,
    /// Report what would be done, without reading the files and without storing anything.
    #[arg(long)]
    pub dry_run: bool,
    /// Files that are read at the same time.
    #[arg(long, default_value_t = 4)]
    pub jobs: usize,
    /// Who is recorded as the creator; without it the first of `catalogue.root_user_names`.
    #[arg(long = "as", value_name = "USER")]
    pub user: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum LogbookCommand {
    /// Whether exported records are whole, and who signed them: `GET /logbook/{session}/records?investigationId=…`
    Verify(Verify),
}

#[derive(Debug, clap::Args)]
pub struct Verify {
    /// File of JSON lines, - for stdin, or the address of the records, such as
    /// `https://logbook.example.org/logbook/-/records?investigationId=4711`
    #[arg(value_name = "FILE|URL")]
    pub source: String,
    /// File with the keys of which one must have signed the logbook, as `GET /logbook/keys` answers them; with an address
    /// they are asked of its server, and a logbook that is not closed may be without.
    #[arg(long, value_name = "FILE")]
    pub keys: Option<PathBuf>,
    /// File with the id of an open session, for an address; - reads it from stdin. Without it the variable
    /// `ICAT_SESSION_ID` is looked at.
    #[arg(long, value_name = "FILE")]
    pub session_file: Option<PathBuf>,
    /// PEM file with certificates to trust beside the usual ones.
    #[arg(long, default_value = "", hide_default_value = true)]
    pub ca_file: String,
}

#[derive(Debug, Subcommand)]
pub enum EventsCommand {
    /// Print events as they pass (over NATS).
    Tail,
    /// List events whose effect failed.
    Dead,
    /// Try parked events again.
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
