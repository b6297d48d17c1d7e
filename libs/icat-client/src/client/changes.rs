//! The requests of a poll: rows by `modTime`, page after page.
//!
//! The language has whole seconds only, so pages cannot start after a (time, id) pair: they start at a window of time, and
//! a window with more rows than a page is read by id.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::error::IcatError;
use super::filter::Filter;
use super::poller::{ChangePoller, Position};
use super::select::Select;
use super::window::{Window, to_local_time};
use crate::schema::Entity;

impl ChangePoller {
    /// New (time, id) pairs in rising order. An error if they are older than what was asked for: then the server reads times
    /// in another zone than was configured.
    pub(super) async fn read_changes(
        &self,
        session_id: &str,
        entity: &'static Entity,
        position: Option<&Position>,
        room: usize,
    ) -> Result<Vec<(Timestamp, i64)>, IcatError> {
        let page_rows = self.page_rows().await?;
        let is_new = |row: &(Timestamp, i64)| {
            let time = row.0.as_millisecond();
            position.is_none_or(|p| time >= p.from && p.reported.get(&row.1) != Some(&time))
        };
        let mut low = position.filter(|p| p.mod_time > 0).map(|p| self.overlap_start(p.mod_time));
        let mut found: BTreeMap<i64, Timestamp> = BTreeMap::new();
        while found.len() < room {
            let page = self.read_page(session_id, entity, low, page_rows).await?;
            let last = page.last().filter(|_| page.len() >= page_rows as usize).copied();
            let Some((last, _)) = last else {
                found.extend(page.into_iter().filter(is_new).map(|(time, id)| (id, time)));
                break;
            };
            // The page may end in the midst of a window: what stands before that is whole.
            let window = Window::containing(last, &self.settings.zone);
            let whole = if low.is_none_or(|low| window.start > low) {
                low = Some(window.start);
                page.into_iter().filter(|row| row.0 < window.start).collect()
            } else {
                low = low.map(|low| window.end.max(low + SignedDuration::from_secs(1)));
                self.read_window(session_id, entity, window, page_rows).await?
            };
            found.extend(whole.into_iter().filter(is_new).map(|(time, id)| (id, time)));
        }
        let mut found: Vec<(Timestamp, i64)> = found.into_iter().map(|(id, time)| (time, id)).collect();
        found.sort_unstable();
        Ok(found)
    }

    /// The first rows from `low` on, by time.
    async fn read_page(
        &self,
        session_id: &str,
        entity: &'static Entity,
        low: Option<Timestamp>,
        page_rows: u32,
    ) -> Result<Vec<(Timestamp, i64)>, IcatError> {
        let select = select_id_and_time(entity).order_by("modTime").order_by("id").limit(0, page_rows);
        let Some(low) = low else { return self.query_id_and_time(session_id, select).await };
        let select = select.filter(Filter::ge("modTime", to_local_time(low, &self.settings.zone)));
        let page = self.query_id_and_time(session_id, select).await?;
        if page.iter().any(|row| row.0 < low) { Err(wrong_zone()) } else { Ok(page) }
    }

    /// All rows of a window, which are too many for one page, in pages by id.
    async fn read_window(
        &self,
        session_id: &str,
        entity: &'static Entity,
        window: Window,
        page_rows: u32,
    ) -> Result<Vec<(Timestamp, i64)>, IcatError> {
        let zone = &self.settings.zone;
        let within = select_id_and_time(entity)
            .filter(Filter::ge("modTime", to_local_time(window.start, zone)))
            .filter(Filter::lt("modTime", to_local_time(window.end, zone)));
        let query = within.build()?;
        let pages = self.client.pages(session_id, query)?.with_rows(page_rows);
        let rows = pages.collect_rows().await?;
        let rows = rows.iter().map(parse_id_and_time).collect::<Result<Vec<_>, _>>()?;
        if rows.iter().all(|row| window.contains(row.0)) { Ok(rows) } else { Err(wrong_zone()) }
    }

    async fn page_rows(&self) -> Result<u32, IcatError> {
        let most = u32::try_from(self.client.get_max_entities().await?).unwrap_or(u32::MAX);
        Ok(self.settings.page_rows.clamp(1, most.max(1)))
    }

    /// Whether the server reads times in the zone that was configured, tried on the newest row of an entity. With another
    /// zone, changes would be missed in silence. `false` if the row changes meanwhile, which proves nothing.
    pub(super) async fn is_zone_right(
        &self,
        session_id: &str,
        entity: &Entity,
        (time, id): (Timestamp, i64),
    ) -> Result<bool, IcatError> {
        let window = Window::containing(time, &self.settings.zone);
        let (start, end) =
            (to_local_time(window.start, &self.settings.zone), to_local_time(window.end, &self.settings.zone));
        let there =
            select_id_and_time(entity).filter(Filter::eq("id", id)).filter(Filter::between("modTime", start, end));
        if !self.query_id_and_time(session_id, there).await?.is_empty() {
            return Ok(true);
        }
        let again = select_id_and_time(entity).filter(Filter::eq("id", id));
        let is_unchanged = self.query_id_and_time(session_id, again).await?.iter().any(|row| window.contains(row.0));
        if is_unchanged { Err(wrong_zone()) } else { Ok(false) }
    }

    /// The row with the highest `modTime` of an entity, if it has rows.
    pub(super) async fn find_newest_row(
        &self,
        session_id: &str,
        entity: &Entity,
    ) -> Result<Option<(Timestamp, i64)>, IcatError> {
        let newest = select_id_and_time(entity).order_by_descending("modTime").order_by_descending("id").limit(0, 1);
        Ok(self.query_id_and_time(session_id, newest).await?.first().copied())
    }

    async fn query_id_and_time(&self, session_id: &str, select: Select) -> Result<Vec<(Timestamp, i64)>, IcatError> {
        let query = select.build()?;
        self.client.query_rows(session_id, &query).await?.iter().map(parse_id_and_time).collect()
    }
}

fn select_id_and_time(entity: &Entity) -> Select {
    Select::values(entity.name, &["id", "modTime"])
}

fn parse_id_and_time(row: &Value) -> Result<(Timestamp, i64), IcatError> {
    let time = row[1].as_str().and_then(|text| text.parse().ok());
    time.zip(row[0].as_i64()).ok_or_else(unexpected_row)
}

/// The language has local times without a zone, so that with another zone changes would be missed.
fn wrong_zone() -> IcatError {
    IcatError::unexpected_answer("as if it were in another time zone than icat.time_zone says")
}

pub(super) fn unexpected_row() -> IcatError {
    IcatError::unexpected_answer("a row that was not asked for")
}
