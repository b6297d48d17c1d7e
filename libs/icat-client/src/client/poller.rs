//! Finds what has been created or changed in a catalogue by asking for `modTime`, since ICAT tells nobody. Deletions
//! leave no trace: they are found by comparing all ids, once a night.
//!
//! Rows become visible when their transaction commits, which may be later than their `modTime`; therefore each poll
//! looks back over the last seconds again and leaves out what it has reported already.
//!
//! A `modTime` in the future, which imports and wrong clocks leave behind, does not move a position: what changes after it
//! is found all the same.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::IcatClient;
use super::changes::unexpected_row;
use super::error::IcatError;
use super::filter::Filter;
use super::query::QueryError;
use super::select::Select;
use super::window::Window;
use crate::schema::{self, Entity};

/// Ids in one request.
const MAX_IDS: u32 = 10_000;
/// A `modTime` that is later than the clock of this host by more than this is in the future.
const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_mins(5);

/// A row that has been created or changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    pub entity: &'static str,
    pub id: i64,
    /// When, by the server's clock; to the millisecond, or to the second on some databases.
    pub mod_time: Timestamp,
}

/// How far an entity has been read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// Milliseconds since 1970 UTC.
    pub mod_time: i64,
    pub id: i64,
    /// What has been reported within the overlap: id and `modTime` of each row.
    #[serde(default)]
    pub(super) reported: BTreeMap<i64, i64>,
    /// What is older does not count any more; never goes back.
    #[serde(default)]
    pub(super) from: i64,
    /// When the last poll that reported something ended, by the clock of whoever polls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reported_at: Option<Timestamp>,
}

impl Position {
    /// Whether an entity with this newest row has nothing to report.
    fn is_past(&self, newest: (Timestamp, i64)) -> bool {
        self.reported.is_empty() && newest.0.as_millisecond() < self.from
    }

    fn has_reported(&self, (time, id): (Timestamp, i64)) -> bool {
        self.reported.get(&id) == Some(&time.as_millisecond())
    }
}

/// How far each entity has been read; persist it together with what the changes led to.
pub type Positions = BTreeMap<String, Position>;

/// How to poll.
#[derive(Debug, Clone)]
pub struct PollSettings {
    /// How far to look back for transactions that committed late.
    pub overlap: SignedDuration,
    /// Rows per request, within what the server allows.
    pub page_rows: u32,
    /// About how many changes a poll reports at most; the next one goes on.
    pub batch: usize,
    /// The zone in which the server reads times: that of its machine, or `catalogue.time_zone` of the embedded one.
    pub zone: TimeZone,
}

impl Default for PollSettings {
    fn default() -> Self {
        Self { overlap: SignedDuration::from_secs(5), page_rows: 1000, batch: 10_000, zone: TimeZone::UTC }
    }
}

/// Asks one catalogue for changes of some entities.
#[derive(Debug)]
pub struct ChangePoller {
    pub(super) client: IcatClient,
    pub(super) entities: Vec<&'static Entity>,
    pub(super) settings: PollSettings,
    positions: Positions,
    is_zone_checked: bool,
}

impl ChangePoller {
    /// An entity without a position is read from the beginning of time.
    pub fn new(
        client: IcatClient,
        entities: &[&str],
        settings: PollSettings,
        positions: Positions,
    ) -> Result<Self, QueryError> {
        let known =
            |name: &&str| schema::find_entity(name).ok_or_else(|| QueryError::UnknownEntity((*name).to_owned()));
        let entities = entities.iter().map(known).collect::<Result<_, _>>()?;
        Ok(Self { client, entities, settings, positions, is_zone_checked: false })
    }

    /// Makes entities that have no position yet start (an overlap before) here, not at the beginning of time.
    pub fn start_at(&mut self, moment: Timestamp) {
        for entity in &self.entities {
            let start = || Position { mod_time: moment.as_millisecond(), from: i64::MIN, ..Position::default() };
            self.positions.entry(entity.name.to_owned()).or_insert_with(start);
        }
    }

    /// Makes entities that have no position yet start after the newest row that the server has, or at the beginning of time
    /// if it has none.
    pub async fn start_after_newest(&mut self, session_id: &str, now: Timestamp) -> Result<(), IcatError> {
        for &entity in &self.entities {
            if self.positions.contains_key(entity.name) {
                continue;
            }
            let newest = self.find_newest_row(session_id, entity).await?;
            let position = newest.map(|(time, _)| self.position_after(time.min(latest_credible(now))));
            self.positions.insert(entity.name.to_owned(), position.unwrap_or_default());
        }
        Ok(())
    }

    /// Continues from other positions.
    pub fn set_positions(&mut self, positions: Positions) {
        self.positions = positions;
    }

    /// Ends the overlap of entities of which nothing was reported for that long, so that polls of a catalogue at rest read
    /// no rows and positions stay small. `changes` is the result of the last poll.
    pub fn settle_positions(&mut self, changes: &[Change], now: Timestamp) {
        let latest = latest_credible(now).as_millisecond();
        let mut positions = std::mem::take(&mut self.positions);
        for (entity, position) in &mut positions {
            if position.reported_at.is_none() || changes.iter().any(|change| change.entity == entity) {
                position.reported_at = Some(now);
            }
            let is_at_rest = position.reported_at.is_some_and(|at| now.duration_since(at) >= self.settings.overlap);
            let newest = position.reported.values().filter(|time| **time <= latest).max().copied();
            if let Some(newest) = newest.filter(|_| is_at_rest) {
                let mut reported = std::mem::take(&mut position.reported);
                reported.retain(|_, time| *time > latest);
                let moment = Timestamp::from_millisecond(newest).unwrap_or_default();
                *position = Position { reported, ..self.position_after(moment) };
            }
        }
        self.positions = positions;
    }

    /// Leaves out this moment and what is older.
    fn position_after(&self, moment: Timestamp) -> Position {
        let end = Window::containing(moment, &self.settings.zone).end;
        let mod_time = end.checked_add(self.settings.overlap).unwrap_or(end).as_millisecond();
        Position { mod_time, from: end.as_millisecond(), ..Position::default() }
    }

    /// How far it has read.
    pub fn positions(&self) -> &Positions {
        &self.positions
    }

    /// What has changed since the last poll, by entity and then by time; empty when all has been read. A row that has
    /// changed twice in between is reported once. `now` tells which `modTime`s are in the future. If this fails, nothing
    /// counts as reported.
    pub async fn poll_changes(&mut self, session_id: &str, now: Timestamp) -> Result<Vec<Change>, IcatError> {
        let mut positions = self.positions.clone();
        let mut changes = Vec::new();
        for &entity in &self.entities {
            let room = self.settings.batch.saturating_sub(changes.len());
            if room == 0 {
                break;
            }
            let before = positions.get(entity.name);
            let Some(newest) = self.find_newest_row(session_id, entity).await? else { continue };
            let is_past = before.is_some_and(|before| before.is_past(newest));
            // Zones may differ in summer only, so the check is repeated for each newest row.
            if !self.is_zone_checked || !(is_past || before.is_some_and(|before| before.has_reported(newest))) {
                self.is_zone_checked |= self.is_zone_right(session_id, entity, newest).await?;
            }
            if is_past {
                continue;
            }
            let found = self.read_changes(session_id, entity, before, room).await?;
            let after = self.advance_position(before, &found, now);
            positions.insert(entity.name.to_owned(), after);
            changes.extend(found.iter().map(|&(mod_time, id)| Change { entity: entity.name, id, mod_time }));
        }
        self.positions = positions;
        Ok(changes)
    }

    /// The next ids after one, of the rows that the session can see, in rising order; empty at the end. A deletion shows in
    /// them alone.
    pub async fn list_ids_after(&self, session_id: &str, entity: &str, after: i64) -> Result<Vec<i64>, IcatError> {
        let rows = u32::try_from(self.client.get_max_entities().await?).unwrap_or(u32::MAX).clamp(1, MAX_IDS);
        let select = Select::values(entity, &["id"]).filter(Filter::gt("id", after)).order_by("id").limit(0, rows);
        let query = select.build()?;
        let rows = self.client.query_rows(session_id, &query).await?;
        rows.iter().map(|row| row.as_i64().ok_or_else(unexpected_row)).collect()
    }

    /// The position after these changes, and what has to be left out when the overlap is read again.
    fn advance_position(&self, before: Option<&Position>, found: &[(Timestamp, i64)], now: Timestamp) -> Position {
        let latest = latest_credible(now);
        let last = found.iter().rev().find(|(time, _)| *time <= latest).map(|(time, id)| (time.as_millisecond(), *id));
        let before_last = before.map(|position| (position.mod_time, position.id));
        let (mod_time, id) = last.max(before_last).unwrap_or_default();
        let from = self.overlap_start(mod_time).as_millisecond().max(before.map_or(i64::MIN, |before| before.from));
        let mut reported = before.map(|position| position.reported.clone()).unwrap_or_default();
        reported.extend(found.iter().map(|(time, id)| (*id, time.as_millisecond())));
        reported.retain(|_, time| *time >= from);
        let reported_at = before.and_then(|before| before.reported_at);
        Position { mod_time, id, reported, from, reported_at }
    }

    pub(super) fn overlap_start(&self, mod_time: i64) -> Timestamp {
        let moment = Timestamp::from_millisecond(mod_time).unwrap_or_default();
        let start = moment.checked_sub(self.settings.overlap).unwrap_or(Timestamp::MIN);
        Window::containing(start, &self.settings.zone).start
    }
}

/// What is later is in the future.
fn latest_credible(now: Timestamp) -> Timestamp {
    now.checked_add(CLOCK_TOLERANCE).unwrap_or(now)
}

/// Whether a nightly comparison of all ids is due: none has run since the last time that it was `hour` o'clock UTC.
pub fn is_comparison_due(last: Option<Timestamp>, now: Timestamp, hour: u8) -> bool {
    const DAY: i64 = 24 * 60 * 60;
    let hour = i64::from(hour % 24) * 60 * 60;
    let latest = (now.as_second() - hour).div_euclid(DAY) * DAY + hour;
    last.is_none_or(|last| last.as_second() < latest)
}
