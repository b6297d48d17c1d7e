//! What ICAT knows about a user and an investigation, read with some session.

use icat_client::client::Filter;
use icat_client::{IcatClient, IcatError, Select};
use jiff::Timestamp;
use serde_json::Value;

/// Reasons for which somebody may do something with an investigation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Membership {
    /// The session may see the investigation at all.
    pub seen: bool,
    /// The roles in which the user is an `InvestigationUser`.
    pub roles: Vec<String>,
    /// The user is in a group of the investigation.
    pub in_group: bool,
    /// The user is scientist of one of its instruments.
    pub is_scientist: bool,
    pub released_at: Option<Timestamp>,
}

impl Membership {
    pub fn is_released(&self, now: Timestamp) -> bool {
        self.released_at.is_some_and(|at| at <= now)
    }
}

async fn select_rows(icat: &IcatClient, session: &str, select: Select) -> Result<Vec<Value>, IcatError> {
    icat.query_rows(session, &select.build()?).await
}

/// Four small questions; each answer is empty where the session may not see the rows.
pub async fn read_membership(
    icat: &IcatClient,
    session: &str,
    user: &str,
    investigation: i64,
) -> Result<Membership, IcatError> {
    let this = || Filter::eq("investigation.id", investigation);
    let own = Select::values("Investigation", &["id", "releaseDate"]).filter(Filter::eq("id", investigation));
    let roles = Select::values("InvestigationUser", &["role"]).filter(Filter::eq("user.name", user)).filter(this());
    let groups = Select::values("UserGroup", &["grouping.id"]).filter(Filter::eq("user.name", user));
    let group = Select::count("InvestigationGroup").filter(this()).filter(Filter::in_select("grouping.id", groups));
    let instruments = Select::values("InvestigationInstrument", &["instrument.id"]).filter(this());
    let scientist = Select::count("InstrumentScientist")
        .filter(Filter::eq("user.name", user))
        .filter(Filter::in_select("instrument.id", instruments));
    let own = select_rows(icat, session, own).await?;
    if own.is_empty() {
        return Ok(Membership::default());
    }
    let count = |rows: Vec<Value>| rows.first().and_then(Value::as_i64).unwrap_or_default();
    Ok(Membership {
        seen: true,
        roles: select_rows(icat, session, roles).await?.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        in_group: count(select_rows(icat, session, group).await?) > 0,
        is_scientist: count(select_rows(icat, session, scientist).await?) > 0,
        released_at: own[0][1].as_str().and_then(|text| text.parse().ok()),
    })
}

/// The investigation that a dataset or datafile belongs to, if the session may see it.
pub async fn find_investigation_id(
    icat: &IcatClient,
    session: &str,
    entity: &str,
    id: i64,
) -> Result<Option<i64>, IcatError> {
    let path = if entity == "Datafile" { "dataset.investigation.id" } else { "investigation.id" };
    let rows = select_rows(icat, session, Select::values(entity, &[path]).filter(Filter::eq("id", id))).await?;
    Ok(rows.first().and_then(Value::as_i64))
}

/// Whether the session may see a row.
pub async fn can_see_row(icat: &IcatClient, session: &str, entity: &str, id: i64) -> Result<bool, IcatError> {
    Ok(!select_rows(icat, session, Select::values(entity, &["id"]).filter(Filter::eq("id", id))).await?.is_empty())
}

/// Whether somebody is scientist of an instrument.
pub async fn is_instrument_scientist(
    icat: &IcatClient,
    session: &str,
    user: &str,
    instrument: i64,
) -> Result<bool, IcatError> {
    let scientist = Select::count("InstrumentScientist")
        .filter(Filter::eq("user.name", user))
        .filter(Filter::eq("instrument.id", instrument));
    let rows = select_rows(icat, session, scientist).await?;
    Ok(rows.first().and_then(Value::as_i64).unwrap_or_default() > 0)
}

/// What does not exist and what the reader account may not see look the same to it.
pub fn explain_hidden_row(entity: &str, id: i64) -> String {
    format!(
        "the reader account (icat.reader) sees no {entity} {id}: there is none, or the account lacks the right to read {entity}"
    )
}
