//! The options of `undulator get`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

/// A session id is never an option: it would stand in the list of processes. It comes from a file, or from the variable
/// `ICAT_SESSION_ID`.
#[derive(Debug, Args)]
pub struct Get {
    /// Address of the facility; its catalogue is at /icat below it, its data service at /ids.
    #[arg(long, required_unless_present = "ids_url")]
    pub url: Option<String>,
    /// Address of the data service, where it is not below --url, such as `https://ids.example.org/ids`
    #[arg(long)]
    pub ids_url: Option<String>,
    /// Address of the catalogue, where it is not below --url, such as `https://icat.example.org/icat`
    #[arg(long)]
    pub icat_url: Option<String>,
    #[command(flatten)]
    pub what: What,
    /// Visit of the investigation, where several have its name.
    #[arg(long, requires = "investigation")]
    pub visit: Option<String>,
    /// Who logs in, as MECHANISM/NAME (db/alice), or MECHANISM alone where it asks for nothing (anon).
    #[arg(long)]
    pub user: Option<String>,
    /// File with the password; - reads it from stdin. Without it the command asks on the terminal.
    #[arg(long, requires = "user")]
    pub password_file: Option<PathBuf>,
    /// File with the id of a session that is open already; - reads it from stdin. Without it and without --user the
    /// variable `ICAT_SESSION_ID` is looked at.
    #[arg(long, conflicts_with = "user")]
    pub session_file: Option<PathBuf>,
    /// Directory that the files are written below.
    #[arg(long, default_value = ".")]
    pub out: PathBuf,
    /// Take one tar instead of files; - writes it to stdout.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["zip", "out"])]
    pub tar: Option<PathBuf>,
    /// Take one ZIP instead of files; - writes it to stdout.
    #[arg(long, value_name = "FILE", conflicts_with = "out")]
    pub zip: Option<PathBuf>,
    /// Connections at the same time.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub jobs: u16,
    /// Do not compare checksums.
    #[arg(long)]
    pub no_verify: bool,
    /// How long to go on trying while not a single byte comes.
    #[arg(long, default_value = "10m", value_parser = humantime::parse_duration)]
    pub patience: Duration,
    /// PEM file with certificates to trust beside the usual ones.
    #[arg(long, default_value = "", hide_default_value = true)]
    pub ca_file: String,
}

/// What is downloaded.
#[derive(Debug, Clone, Args)]
#[group(required = true, multiple = false)]
pub struct What {
    /// Name of an investigation, or its id.
    #[arg(long, value_name = "NAME_OR_ID")]
    pub investigation: Option<String>,
    /// Ids of datasets.
    #[arg(long, value_name = "ID", num_args = 1.., value_delimiter = ',')]
    pub dataset: Vec<i64>,
    /// Ids of datafiles.
    #[arg(long, value_name = "ID", num_args = 1.., value_delimiter = ',')]
    pub datafile: Vec<i64>,
    /// The id of a selection that was prepared before.
    #[arg(long, value_name = "PREPARED_ID")]
    pub prepared: Option<String>,
    /// File with ids of datafiles, separated by white space or commas; - reads it from stdin.
    #[arg(long, value_name = "FILE")]
    pub list: Option<PathBuf>,
}
