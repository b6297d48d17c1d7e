//! The investigations that a user may see.

use std::collections::BTreeSet;

use icat_client::client::Filter;
use icat_client::{IcatClient, IcatError, Select};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

/// Investigations a user may see at most before the list is cut; a cut list says so.
const MAX_VISIBLE_INVESTIGATIONS: usize = 10_000;
/// The furthest that a zone is ahead of UTC.
const MAX_ZONE_OFFSET: SignedDuration = SignedDuration::from_hours(14);
/// The investigations a user may see, and the instruments they serve.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VisibleInvestigations {
    pub investigations: BTreeSet<i64>,
    /// Names of the instruments whose scientist the user is.
    pub instruments: BTreeSet<String>,
    /// False if there are more than the list holds.
    pub complete: bool,
}

pub async fn find_visible_investigations(
    icat: &IcatClient,
    session: &str,
    user: &str,
    now: Timestamp,
) -> Result<VisibleInvestigations, IcatError> {
    let wrong = |e: icat_client::QueryError| IcatError::Nonsense(format!("a query that is not one: {e}"));
    let name = || Filter::eq("user.name", user);
    let groups = Select::values("UserGroup", &["grouping.id"]).filter(name());
    let instruments = Select::values("InstrumentScientist", &["instrument.id"]).filter(name());
    let memberships = [
        Select::values("InvestigationUser", &["id", "investigation.id"]).filter(name()),
        Select::values("InvestigationGroup", &["id", "investigation.id"])
            .filter(Filter::in_select("grouping.id", groups)),
        Select::values("InvestigationInstrument", &["id", "investigation.id"])
            .filter(Filter::in_select("instrument.id", instruments)),
    ];
    let serves = Select::values("InstrumentScientist", &["id", "instrument.name"]).filter(name());
    let mut instruments = BTreeSet::new();
    let mut pages = icat.pages(session, serves.build().map_err(wrong)?).map_err(wrong)?;
    while let Some(rows) = pages.next_page().await? {
        instruments.extend(rows.iter().filter_map(|row| row[1].as_str()).map(str::to_owned));
    }
    let mut investigations = BTreeSet::new();
    for select in memberships {
        let mut pages = icat.pages(session, select.build().map_err(wrong)?).map_err(wrong)?;
        while let Some(rows) = pages.next_page().await? {
            investigations.extend(rows.iter().filter_map(|row| row[1].as_i64()));
            if investigations.len() > MAX_VISIBLE_INVESTIGATIONS {
                return Ok(truncate_visible(investigations, instruments));
            }
        }
    }
    // ICAT compares in its server's zone: ask for a little more, and look at each date itself.
    let latest = jiff::tz::TimeZone::UTC.to_datetime(now + MAX_ZONE_OFFSET);
    let released = Select::values("Investigation", &["id", "releaseDate"]).filter(Filter::le("releaseDate", latest));
    let mut pages = icat.pages(session, released.build().map_err(wrong)?).map_err(wrong)?;
    while let Some(rows) = pages.next_page().await? {
        let at = |row: &Value| row[1].as_str().and_then(|text| text.parse::<Timestamp>().ok());
        investigations
            .extend(rows.iter().filter(|row| at(row).is_some_and(|at| at <= now)).filter_map(|row| row[0].as_i64()));
        if investigations.len() > MAX_VISIBLE_INVESTIGATIONS {
            return Ok(truncate_visible(investigations, instruments));
        }
    }
    Ok(VisibleInvestigations { investigations, instruments, complete: true })
}

fn truncate_visible(investigations: BTreeSet<i64>, instruments: BTreeSet<String>) -> VisibleInvestigations {
    VisibleInvestigations {
        investigations: investigations.into_iter().take(MAX_VISIBLE_INVESTIGATIONS).collect(),
        instruments,
        complete: false,
    }
}
