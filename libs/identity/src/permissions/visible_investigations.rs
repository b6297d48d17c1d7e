//! The investigations that a session or a user may see, asked of ICAT.

use std::collections::BTreeMap;
use std::sync::Arc;

use icat_client::client::Filter;
use icat_client::{IcatClient, IcatError, Select};
use jiff::{SignedDuration, Timestamp};
use roaring::RoaringTreemap;
use serde_json::Value;

use crate::cache::TIME_TO_LIVE;
use crate::shared_answers::Answer;

/// Investigations of one answer at most, so that it is bounded; no facility has so many. ICAT is asked for pages of its
/// `maxEntities` (10,000), so that an answer takes at most 500 requests.
const MAX_VISIBLE_INVESTIGATIONS: u64 = 5_000_000;
/// Rows of instrument scientists of one user at most.
const MAX_INSTRUMENTS: usize = 10_000;
/// The furthest that a zone is ahead of UTC.
const MAX_ZONE_OFFSET: SignedDuration = SignedDuration::from_hours(14);
/// A container of a bitmap without its values.
const CONTAINER_BYTES: usize = 64;

/// The investigations that a caller or a user may see. Cheap to clone.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct VisibleInvestigations {
    /// Ids in ICAT; at most 5,000,000.
    pub investigations: Arc<RoaringTreemap>,
    /// False if there are more: then these are the ones with the lowest ids.
    pub complete: bool,
}

impl VisibleInvestigations {
    pub fn contains(&self, investigation: i64) -> bool {
        u64::try_from(investigation).is_ok_and(|id| self.investigations.contains(id))
    }

    /// The memory it takes, roughly.
    pub(crate) fn estimate_bytes(&self) -> usize {
        let containers = self.investigations.bitmaps().map(|(_, bitmap)| bitmap.statistics().n_containers as usize);
        self.investigations.serialized_size() + containers.sum::<usize>() * CONTAINER_BYTES
    }
}

/// Ids that are collected up to a limit.
struct BoundedIds {
    found: RoaringTreemap,
    left: u64,
}

impl BoundedIds {
    fn new(limit: u64) -> Self {
        Self { found: RoaringTreemap::new(), left: limit }
    }

    /// False if there was no space for all of them.
    fn extend(&mut self, ids: impl IntoIterator<Item = i64>) -> bool {
        for id in ids.into_iter().filter_map(|id| u64::try_from(id).ok()) {
            if self.found.contains(id) {
                continue;
            }
            if self.left == 0 {
                return false;
            }
            self.found.insert(id);
            self.left -= 1;
        }
        true
    }
}

/// Adds an id of each row that `parse` finds one in; false if there are more than fit.
async fn collect_ids(
    icat: &IcatClient,
    session: &str,
    select: Select,
    ids: &mut BoundedIds,
    mut parse: impl FnMut(&Value) -> Option<i64>,
) -> Result<bool, IcatError> {
    let mut pages = icat.pages(session, select.build()?)?;
    while let Some(rows) = pages.next_page().await? {
        if !ids.extend(rows.iter().filter_map(&mut parse)) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// What ICAT's rules let a session see.
pub async fn find_visible_to_session(icat: &IcatClient, session: &str) -> Result<VisibleInvestigations, IcatError> {
    let mut ids = BoundedIds::new(MAX_VISIBLE_INVESTIGATIONS);
    let select = Select::values("Investigation", &["id"]);
    let complete = collect_ids(icat, session, select, &mut ids, Value::as_i64).await?;
    Ok(VisibleInvestigations { investigations: Arc::new(ids.found), complete })
}

/// The investigations of which a user is a member, on their own or by a group, and those of instruments whose scientist
/// they are. Each must be visible to the session of the reader account itself, and so must the row that makes the user a
/// member: as [`read_membership`](crate::membership::read_membership) decides for one investigation.
pub async fn find_investigations_of_user(
    icat: &IcatClient,
    session: &str,
    user: &str,
    instruments: &BTreeMap<i64, String>,
) -> Result<VisibleInvestigations, IcatError> {
    let name = || Filter::eq("user.name", user);
    let groups = || Filter::in_select("grouping.id", Select::values("UserGroup", &["grouping.id"]).filter(name()));
    let mut all = RoaringTreemap::new();
    let mut complete = true;
    for (entity, is_theirs) in [("InvestigationUser", name()), ("InvestigationGroup", groups())] {
        let mut members = BoundedIds::new(MAX_VISIBLE_INVESTIGATIONS);
        let select = Select::values(entity, &["id", "investigation.id"]).filter(is_theirs.clone());
        complete &= collect_ids(icat, session, select, &mut members, |row| row[1].as_i64()).await?;
        if members.found.is_empty() {
            continue;
        }
        let theirs = Select::values(entity, &["investigation.id"]).filter(is_theirs);
        all |= members.found & find_investigations_in(icat, session, theirs, &mut complete).await?;
    }
    if !instruments.is_empty() {
        let at = Filter::one_of("instrument.id", instruments.keys().copied());
        let theirs = Select::values("InvestigationInstrument", &["investigation.id"]).filter(at);
        all |= find_investigations_in(icat, session, theirs, &mut complete).await?;
    }
    Ok(VisibleInvestigations { investigations: Arc::new(all), complete })
}

/// The investigations with an id that `select` finds, and that the session may see.
async fn find_investigations_in(
    icat: &IcatClient,
    session: &str,
    select: Select,
    complete: &mut bool,
) -> Result<RoaringTreemap, IcatError> {
    let mut ids = BoundedIds::new(MAX_VISIBLE_INVESTIGATIONS);
    let visible = Select::values("Investigation", &["id"]).filter(Filter::in_select("id", select));
    *complete &= collect_ids(icat, session, visible, &mut ids, Value::as_i64).await?;
    Ok(ids.found)
}

/// The investigations that are released; the answer expires at the next release.
pub async fn find_released(
    icat: &IcatClient,
    session: &str,
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<Answer<VisibleInvestigations>, IcatError> {
    // ICAT compares in its server's zone: ask for a little more, and look at each date itself.
    let latest = jiff::tz::TimeZone::UTC.to_datetime(now + MAX_ZONE_OFFSET + TIME_TO_LIVE);
    let select = Select::values("Investigation", &["id", "releaseDate"]).filter(Filter::le("releaseDate", latest));
    let mut ids = BoundedIds::new(MAX_VISIBLE_INVESTIGATIONS);
    let mut expires_at = expires_at;
    let parse_released = |row: &Value| {
        let at = row[1].as_str().and_then(|text| text.parse::<Timestamp>().ok())?;
        if at <= now {
            return row[0].as_i64();
        }
        expires_at = expires_at.min(at);
        None
    };
    let complete = collect_ids(icat, session, select, &mut ids, parse_released).await?;
    Ok(Answer { value: VisibleInvestigations { investigations: Arc::new(ids.found), complete }, expires_at })
}

/// All of both.
pub fn join_visible(one: &VisibleInvestigations, other: &VisibleInvestigations) -> VisibleInvestigations {
    let mut investigations = &*one.investigations | &*other.investigations;
    let mut complete = one.complete && other.complete;
    if let Some(first_excess) = investigations.select(MAX_VISIBLE_INVESTIGATIONS) {
        investigations.remove_range(first_excess..);
        complete = false;
    }
    VisibleInvestigations { investigations: Arc::new(investigations), complete }
}

/// Ids and names of the instruments whose scientist a user is, as far as the session may see the rows.
pub async fn find_instruments_of_scientist(
    icat: &IcatClient,
    session: &str,
    user: &str,
) -> Result<BTreeMap<i64, String>, IcatError> {
    let select = Select::values("InstrumentScientist", &["id", "instrument.id", "instrument.name"])
        .filter(Filter::eq("user.name", user));
    let mut pages = icat.pages(session, select.build()?)?;
    let mut instruments = BTreeMap::new();
    while let Some(rows) = pages.next_page().await? {
        instruments.extend(rows.iter().filter_map(|row| Some((row[1].as_i64()?, row[2].as_str()?.to_owned()))));
        if instruments.len() > MAX_INSTRUMENTS {
            return Err(IcatError::Nonsense(format!("a user who is scientist of over {MAX_INSTRUMENTS} instruments")));
        }
    }
    Ok(instruments)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn visible(ids: impl IntoIterator<Item = u64>) -> VisibleInvestigations {
        VisibleInvestigations { investigations: Arc::new(ids.into_iter().collect()), complete: true }
    }

    #[test]
    fn ids_are_collected_up_to_the_limit() {
        let mut ids = BoundedIds::new(3);
        assert!(ids.extend([5, 7, 5, -1]));
        assert!(ids.extend([7, 5, 9]), "known ids need no space");
        assert!(!ids.extend([5, 10]));
        assert_eq!(ids.found.iter().collect::<Vec<_>>(), [5, 7, 9]);
    }

    #[test]
    fn an_answer_is_complete_if_both_parts_are() {
        let (one, other) = (visible([1, 3]), visible([2, 3]));
        assert_eq!(join_visible(&one, &other), visible([1, 2, 3]));
        let cut = VisibleInvestigations { complete: false, ..other };
        assert!(!join_visible(&one, &cut).complete && !join_visible(&cut, &one).complete);
        let mut most = RoaringTreemap::new();
        most.insert_range(1..=MAX_VISIBLE_INVESTIGATIONS);
        let most = VisibleInvestigations { investigations: Arc::new(most), complete: true };
        assert_eq!(join_visible(&most, &one), most);
        let too_many = join_visible(&most, &visible([MAX_VISIBLE_INVESTIGATIONS + 1]));
        assert_eq!((too_many.investigations.len(), too_many.complete), (MAX_VISIBLE_INVESTIGATIONS, false));
        assert!(!too_many.contains(i64::try_from(MAX_VISIBLE_INVESTIGATIONS).unwrap() + 1) && !too_many.contains(-1));
    }

    #[test]
    fn the_estimate_of_memory_grows_with_what_is_stored() {
        let dense = visible(1_000_000..1_200_000).estimate_bytes();
        let sparse = visible((0..200_000).map(|n| n * 1000)).estimate_bytes();
        assert!((25_000..100_000).contains(&dense), "{dense}");
        assert!((400_000..1_000_000).contains(&sparse), "{sparse}");
        assert!(visible((0..200_000).map(|n| n << 16)).estimate_bytes() >= 200_000 * 66);
    }
}
