//! The options of `undulator find`.

use clap::{Args, ValueEnum};
use serde::Serialize;

use super::search_conditions::{DayOrMoment, FieldValue, ParameterCondition};
use super::session::SessionOptions;

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of the command line")]
pub struct Find {
    /// A directory, or a pattern for paths in quotes: '/data/2025/**/scan*.nxs'. A * stands for any characters within a
    /// name, and ** for any directories.
    pub pattern: Option<String>,
    /// Words, phrases and conditions on fields, such as 'lysozyme AND name:scan*'.
    #[arg(long, value_name = "QUERY")]
    pub text: Option<String>,
    /// What to search for.
    #[arg(long, default_value = "datafiles")]
    pub target: Target,
    /// Only what was written or began on this day or later: 2025-01-31 (in the time zone of the facility), or a moment such
    /// as 2025-01-31T12:00:00Z.
    #[arg(long, value_name = "DAY")]
    pub after: Option<DayOrMoment>,
    /// Only what was written or began before this day or moment.
    #[arg(long, value_name = "DAY")]
    pub before: Option<DayOrMoment>,
    /// A parameter: 'temperature:4..10K' (a range, with or without units), 'temperature:4K..', 'temperature:..10',
    /// 'mode:=fast' (a text), or 'temperature' (with any value). Values in other units are converted. Can be repeated.
    #[arg(long, value_name = "CONDITION")]
    pub param: Vec<ParameterCondition>,
    /// The value of a field, such as instrument.name=ID29 or datafileFormat.name=NeXus. Can be repeated: one of the values
    /// that are given for a field must match.
    #[arg(long = "where", value_name = "FIELD=VALUE")]
    pub field_values: Vec<FieldValue>,
    /// Only what belongs to the user's investigations, or was measured at an instrument whose scientist the user is.
    #[arg(long)]
    pub mine: bool,
    /// The order of the results; `relevance` begins with the best matches.
    #[arg(long, default_value = "relevance")]
    pub sort: Sort,
    /// Print at most so many results.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..))]
    pub limit: u64,
    /// Print all results.
    #[arg(long, conflicts_with = "limit")]
    pub all: bool,
    /// Print only the number of all results, whatever --limit says.
    #[arg(long, conflicts_with = "print0")]
    pub count: bool,
    /// End each result with a NUL character instead of a line feed, for xargs -0.
    #[arg(long)]
    pub print0: bool,
    /// URL of the facility, with the catalogue at /icat and the search at /search.
    #[arg(long, required_unless_present = "search_url")]
    pub url: Option<String>,
    /// URL of the search service, if it is not below --url, such as `https://search.example.org/search`
    #[arg(long)]
    pub search_url: Option<String>,
    /// URL of the catalogue, if it is not below --url, such as `https://icat.example.org/icat`
    #[arg(long)]
    pub icat_url: Option<String>,
    #[command(flatten)]
    pub session: SessionOptions,
    /// PEM file with additional certificates to trust.
    #[arg(long, default_value = "", hide_default_value = true)]
    pub ca_file: String,
}

/// What is searched for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Target {
    Datafiles,
    Datasets,
    Investigations,
}

/// The order of the results, with the names of the search service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sort {
    Relevance,
    Newest,
    Oldest,
    Name,
    Largest,
    Smallest,
}
