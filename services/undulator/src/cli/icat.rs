//! The options of `undulator icat`.

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub enum InvestigationCommand {
    /// Create an investigation, or add missing attributes; --change replaces existing ones.
    Add(AddInvestigation),
    /// List the investigations.
    List,
    /// Show an investigation with its members and datasets.
    Show(InvestigationName),
}

#[derive(Debug, Subcommand)]
pub enum InstrumentCommand {
    /// Create an instrument, or add scientists to it.
    Add(AddInstrument),
}

#[derive(Debug, Args)]
pub struct AddInvestigation {
    /// The name, usually the number of the proposal.
    pub name: String,
    /// Visit id, which distinguishes investigations with the same name.
    #[arg(long, default_value = "1")]
    pub visit: String,
    /// Title; the default is the name.
    #[arg(long)]
    pub title: Option<String>,
    /// An instrument that it uses; can be repeated.
    #[arg(long, value_name = "NAME")]
    pub instrument: Vec<String>,
    /// Start: 2026-01-12, 2026-01-12T09:00 (in `catalogue.time_zone`), or with a time zone. The default for a new
    /// investigation is today.
    #[arg(long, value_name = "TIME")]
    pub start: Option<String>,
    /// End.
    #[arg(long, value_name = "TIME")]
    pub end: Option<String>,
    /// Release date, from which the data is public; without it, the data is never public.
    #[arg(long, value_name = "TIME")]
    pub release: Option<String>,
    /// Investigation type; needed if the facility has several.
    #[arg(long = "type", value_name = "NAME")]
    pub investigation_type: Option<String>,
    /// Replace attributes that have another value; by default, only empty ones are filled in.
    #[arg(long)]
    pub change: bool,
    /// A principal investigator, as MECHANISM/NAME (db/alice); can be repeated. The user is created if necessary.
    #[arg(long, value_name = "USER")]
    pub pi: Vec<String>,
    /// The facility; needed if there are several.
    #[arg(long, value_name = "NAME")]
    pub facility: Option<String>,
    /// User recorded as the creator; the default is the first of `catalogue.root_user_names`.
    #[arg(long = "as", value_name = "USER")]
    pub user: Option<String>,
}

#[derive(Debug, Args)]
pub struct AddInstrument {
    /// The short name, such as ID29.
    pub name: String,
    /// Its full name.
    #[arg(long)]
    pub full_name: Option<String>,
    /// Description.
    #[arg(long)]
    pub description: Option<String>,
    /// Replace attributes that have another value; by default, only empty ones are filled in.
    #[arg(long)]
    pub change: bool,
    /// A scientist of the instrument, as MECHANISM/NAME (db/carol); can be repeated. The user is created if necessary.
    #[arg(long, value_name = "USER")]
    pub scientist: Vec<String>,
    /// The facility; needed if there are several.
    #[arg(long, value_name = "NAME")]
    pub facility: Option<String>,
    /// User recorded as the creator; the default is the first of `catalogue.root_user_names`.
    #[arg(long = "as", value_name = "USER")]
    pub user: Option<String>,
}

/// One investigation by name.
#[derive(Debug, Args)]
pub struct InvestigationName {
    /// Name of the investigation.
    pub investigation: String,
    /// Its visit; needed if several investigations have this name.
    #[arg(long)]
    pub visit: Option<String>,
    /// Its facility; needed if several have investigations with this name.
    #[arg(long, value_name = "NAME")]
    pub facility: Option<String>,
}

#[derive(Debug, Args)]
pub struct Grant {
    /// The new member, as MECHANISM/NAME (db/alice). The user is created if necessary.
    #[arg(value_name = "USER")]
    pub member: String,
    #[command(flatten)]
    pub investigation: InvestigationName,
    /// Full name, if the catalogue does not have one; shown in the logbook.
    #[arg(long, value_name = "NAME")]
    pub full_name: Option<String>,
    /// Role; a "Principal Investigator" may also publish the data.
    #[arg(long, default_value = "Member")]
    pub role: String,
    /// User recorded as the creator; the default is the first of `catalogue.root_user_names`.
    #[arg(long = "as", value_name = "USER")]
    pub user: Option<String>,
}

#[derive(Debug, Args)]
pub struct Revoke {
    /// The member to remove, as MECHANISM/NAME (db/alice).
    #[arg(value_name = "USER")]
    pub member: String,
    #[command(flatten)]
    pub investigation: InvestigationName,
    /// Remove only this role; by default all roles.
    #[arg(long)]
    pub role: Option<String>,
    /// User recorded as the author; the default is the first of `catalogue.root_user_names`.
    #[arg(long = "as", value_name = "USER")]
    pub user: Option<String>,
}
