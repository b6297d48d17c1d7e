//! The options of `undulator get`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::session::SessionOptions;

#[derive(Debug, Args)]
pub struct Get {
    /// URL of the facility, with the catalogue at /icat and the data service at /ids.
    #[arg(long, required_unless_present = "ids_url")]
    pub url: Option<String>,
    /// URL of the data service, if it is not below --url, such as `https://ids.example.org/ids`
    #[arg(long)]
    pub ids_url: Option<String>,
    /// URL of the catalogue, if it is not below --url, such as `https://icat.example.org/icat`
    #[arg(long)]
    pub icat_url: Option<String>,
    #[command(flatten)]
    pub what: What,
    /// Visit of the investigation; needed if several have the name.
    #[arg(long, requires = "investigation")]
    pub visit: Option<String>,
    #[command(flatten)]
    pub session: SessionOptions,
    /// Target directory.
    #[arg(long, default_value = ".")]
    pub out: PathBuf,
    /// Download one tar archive instead of files; - writes it to stdout.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["zip", "out"])]
    pub tar: Option<PathBuf>,
    /// Download one ZIP archive instead of files; - writes it to stdout.
    #[arg(long, value_name = "FILE", conflicts_with = "out")]
    pub zip: Option<PathBuf>,
    /// Number of connections.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub jobs: u16,
    /// Do not compare checksums.
    #[arg(long)]
    pub no_verify: bool,
    /// How long to retry while no data is received.
    #[arg(long, default_value = "10m", value_parser = humantime::parse_duration)]
    pub patience: Duration,
    /// PEM file with additional certificates to trust.
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
    /// Id of a prepared selection.
    #[arg(long, value_name = "PREPARED_ID")]
    pub prepared: Option<String>,
    /// File with datafile ids, separated by white space or commas; - reads it from stdin.
    #[arg(long, value_name = "FILE")]
    pub list: Option<PathBuf>,
}
