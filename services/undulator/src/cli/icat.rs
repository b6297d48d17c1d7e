//! The options of `undulator icat`.

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub enum InvestigationCommand {
    /// Create an investigation, or add to one what it lacks; --change replaces what is there.
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
    /// Tells apart several investigations of one name.
    #[arg(long, default_value = "1")]
    pub visit: String,
    /// What it is about; without it the name.
    #[arg(long)]
    pub title: Option<String>,
    /// An instrument that it uses; may be given several times.
    #[arg(long, value_name = "NAME")]
    pub instrument: Vec<String>,
    /// When it begins: 2026-01-12, 2026-01-12T09:00 (in `catalogue.time_zone`) or with a zone of its own. Today if it is
    /// new.
    #[arg(long, value_name = "TIME")]
    pub start: Option<String>,
    /// When it ends.
    #[arg(long, value_name = "TIME")]
    pub end: Option<String>,
    /// From when on everybody may see its data; without it never.
    #[arg(long, value_name = "TIME")]
    pub release: Option<String>,
    /// Its type; needed where the facility has several.
    #[arg(long = "type", value_name = "NAME")]
    pub investigation_type: Option<String>,
    /// Replace attributes that have another value; without it only those that have none are filled in.
    #[arg(long)]
    pub change: bool,
    /// A principal investigator, as MECHANISM/NAME (db/alice); may be given several times. Created if there is no such user.
    #[arg(long, value_name = "USER")]
    pub pi: Vec<String>,
    /// The facility; needed where there are several.
    #[arg(long, value_name = "NAME")]
    pub facility: Option<String>,
    /// Who is recorded as the creator; without it the first of `catalogue.root_user_names`.
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
    /// What it is.
    #[arg(long)]
    pub description: Option<String>,
    /// Replace attributes that have another value; without it only those that have none are filled in.
    #[arg(long)]
    pub change: bool,
    /// A scientist of the instrument, as MECHANISM/NAME (db/carol); may be given several times. Created if there is no such
    /// user.
    #[arg(long, value_name = "USER")]
    pub scientist: Vec<String>,
    /// The facility; needed where there are several.
    #[arg(long, value_name = "NAME")]
    pub facility: Option<String>,
    /// Who is recorded as the creator; without it the first of `catalogue.root_user_names`.
    #[arg(long = "as", value_name = "USER")]
    pub user: Option<String>,
}

/// One investigation, as people name it.
#[derive(Debug, Args)]
pub struct InvestigationName {
    /// Name of the investigation.
    pub investigation: String,
    /// Its visit; needed where several have the name.
    #[arg(long)]
    pub visit: Option<String>,
    /// Its facility; needed where several have the name.
    #[arg(long, value_name = "NAME")]
    pub facility: Option<String>,
}

#[derive(Debug, Args)]
pub struct Grant {
    /// Who becomes a member, as MECHANISM/NAME (db/alice). Created if there is no such user.
    #[arg(value_name = "USER")]
    pub member: String,
    #[command(flatten)]
    pub investigation: InvestigationName,
    /// What they are called, where the catalogue does not know it yet; entries of the logbook show it.
    #[arg(long, value_name = "NAME")]
    pub full_name: Option<String>,
    /// In which role; "Principal Investigator" may also publish the data.
    #[arg(long, default_value = "Member")]
    pub role: String,
    /// Who is recorded as the creator; without it the first of `catalogue.root_user_names`.
    #[arg(long = "as", value_name = "USER")]
    pub user: Option<String>,
}

#[derive(Debug, Args)]
pub struct Revoke {
    /// Whose membership ends, as MECHANISM/NAME (db/alice).
    #[arg(value_name = "USER")]
    pub member: String,
    #[command(flatten)]
    pub investigation: InvestigationName,
    /// Only the membership in this role; without it all.
    #[arg(long)]
    pub role: Option<String>,
    /// Who is recorded as the author; without it the first of `catalogue.root_user_names`.
    #[arg(long = "as", value_name = "USER")]
    pub user: Option<String>,
}
