//! Lists of entries: pages, counts, days, and where an entry stands.

use std::sync::Arc;

use jiff::tz::TimeZone;
use serde_json::Value;
use service_kit::{Db, Micros, Problem, Tx};

use crate::catalogue::permissions::ReadableLogbook;
use crate::domain::dates::{list_day_starts, render_day};
use crate::domain::entry::Entry;
use crate::domain::filter::{Filter, Order, Page};
use crate::domain::list_parameters::ListParameters;
use crate::entries::EntryRenderer;
use crate::entries::hide::Selection;
use crate::error::Error;
use crate::store::entry_lists::Version;
use crate::store::filter_conditions::{Scope, find_scope};
use crate::store::{entries, entry_lists};

/// Where an entry stands in a list that is read page by page.
#[derive(Debug, Clone, Copy)]
pub struct PagePosition {
    /// Entries of the whole list.
    pub total: i64,
    pub total_pages: i64,
    /// From 1.
    pub current_page: i64,
}

/// Reads lists of entries.
pub struct EntryLists {
    pub db: Db,
    pub renderer: Arc<EntryRenderer>,
    /// The zone of days and of times without one.
    pub zone: TimeZone,
    /// Entries of a page where the request does not say.
    pub page_default: u32,
    /// Entries of a page at most.
    pub page_limit: u32,
}

impl EntryLists {
    /// The conditions of a request.
    pub fn parse_filter(&self, parameters: &ListParameters) -> Result<Filter, Error> {
        Ok(parameters.to_filter(&self.zone)?)
    }

    /// The entries that a request changes; `query` is its query string.
    pub fn parse_selection(&self, parameters: &ListParameters, query: &str) -> Result<Selection, Error> {
        let ids = parameters.entry.id.clone().map(|id| vec![id]);
        Ok(Selection { filter: Filter { ids, ..self.parse_filter(parameters)? }, query: query.to_owned() })
    }

    /// Entries that match, rendered.
    pub async fn list_entries(
        &self,
        logbook: &ReadableLogbook,
        parameters: &ListParameters,
    ) -> Result<Vec<Value>, Problem> {
        let filter = self.parse_filter(parameters)?;
        let mut tx = self.db.read().await?;
        let scope = find_scope(&mut tx, logbook).await?;
        let page = parameters.to_page(self.page_default, self.page_limit)?;
        let found = entry_lists::list_entries(&mut tx, &scope, &filter, page).await?;
        self.renderer.render_within(&mut tx, &found).await
    }

    pub async fn count(&self, logbook: &ReadableLogbook, parameters: &ListParameters) -> Result<i64, Problem> {
        let filter = self.parse_filter(parameters)?;
        let mut tx = self.db.read().await?;
        let scope = find_scope(&mut tx, logbook).await?;
        Ok(entry_lists::count_entries(&mut tx, &scope, &filter).await?)
    }

    /// The days that have entries, such as `2025-03-01`.
    pub async fn list_days(
        &self,
        logbook: &ReadableLogbook,
        parameters: &ListParameters,
    ) -> Result<Vec<String>, Problem> {
        let filter = self.parse_filter(parameters)?;
        let mut tx = self.db.read().await?;
        let scope = find_scope(&mut tx, logbook).await?;
        let span = entry_lists::find_time_span(&mut tx, &scope, &filter).await?;
        let Some((first, last)) = span else { return Ok(Vec::new()) };
        let starts = list_day_starts(first, last, &self.zone);
        let found = entry_lists::list_spans_with_entries(&mut tx, &scope, &filter, &starts).await?;
        Ok(found.into_iter().map(|at| render_day(at, &self.zone)).collect())
    }

    /// The page on which an entry stands; without an id the first. `None` if the entry is not in the list.
    pub async fn find_page(
        &self,
        logbook: &ReadableLogbook,
        parameters: &ListParameters,
    ) -> Result<Option<PagePosition>, Problem> {
        let filter = self.parse_filter(parameters)?;
        let mut tx = self.db.read().await?;
        let scope = find_scope(&mut tx, logbook).await?;
        let page = parameters.to_page(self.page_default, self.page_limit)?;
        let limit = page.limit.unwrap_or(1).max(1);
        let total = entry_lists::count_entries(&mut tx, &scope, &filter).await?;
        let position = match parameters.entry.id.as_deref() {
            Some(id) => entry_lists::find_position(&mut tx, &scope, &filter, page, id).await?,
            None => Some(0),
        };
        let total_pages = (total + limit - 1) / limit;
        Ok(position.map(|position| PagePosition { total, total_pages, current_page: position / limit + 1 }))
    }

    /// Newest first by the time that entries have, after one of them.
    pub async fn list_after(
        &self,
        logbook: &ReadableLogbook,
        filter: &Filter,
        after: Option<&str>,
        limit: i64,
    ) -> Result<Vec<Entry>, Problem> {
        let mut tx = self.db.read().await?;
        let scope = find_scope(&mut tx, logbook).await?;
        let page = Page { by: Order::CreationDate, descending: true, skip: 0, limit: Some(limit) };
        let last = match after {
            Some(id) => entries::get_entry(&mut tx, id).await?,
            None => None,
        };
        Ok(entry_lists::list_entries_after(&mut tx, &scope, filter, page, last.as_ref()).await?)
    }

    /// Times of the nearest entries on the days before and after a span.
    pub async fn find_neighbours(
        &self,
        logbook: &ReadableLogbook,
        filter: &Filter,
        span: (Micros, Micros),
    ) -> Result<(Option<Micros>, Option<Micros>), Problem> {
        let mut tx = self.db.read().await?;
        let scope = find_scope(&mut tx, logbook).await?;
        let page = |descending| Page { by: Order::CreationDate, descending, skip: 0, limit: Some(1) };
        let before = Filter { from: None, before: Some(span.0), ..filter.clone() };
        let after = Filter { from: Some(span.1), before: None, ..filter.clone() };
        let earlier = entry_lists::list_entries(&mut tx, &scope, &before, page(true)).await?;
        let later = entry_lists::list_entries(&mut tx, &scope, &after, page(false)).await?;
        let time = |found: &[Entry]| found.first().map(|entry| entry.content.at);
        Ok((time(&earlier), time(&later)))
    }

    /// Those of some entries that are in the logbook and match.
    pub async fn find_entries(
        &self,
        logbook: &ReadableLogbook,
        ids: &[String],
        filter: &Filter,
    ) -> Result<Vec<Entry>, Problem> {
        let mut tx = self.db.read().await?;
        let scope = find_scope(&mut tx, logbook).await?;
        Ok(entry_lists::list_matching_entries(&mut tx, ids, &scope, filter).await?)
    }

    /// The present version of an entry and up to so many before it, oldest first.
    pub async fn list_versions(&self, entry: &Entry, max_earlier: i64) -> Result<Vec<Version>, Problem> {
        let ids = std::slice::from_ref(&entry.id);
        Ok(entry_lists::list_versions(&mut self.db.read().await?, ids, max_earlier).await?)
    }

    /// The entry of an id, wherever it is, for who then checks whether the caller may do something with it.
    pub async fn get(&self, id: &str) -> Result<Option<Entry>, Problem> {
        Ok(entries::get_entry(&mut self.db.read().await?, id).await?)
    }
}

/// Goes through a list in chunks, however long it is. Each chunk is read by itself, so that a slow reader holds nothing of the
/// database.
#[derive(Debug, Clone)]
pub struct Cursor {
    scope: Scope,
    filter: Filter,
    page: Page,
    last: Option<Entry>,
}

/// Entries that a cursor reads at once.
const CHUNK_ENTRIES: i64 = 100;

impl Cursor {
    pub fn new(scope: Scope, filter: Filter, page: Page) -> Self {
        Self { scope, filter, page, last: None }
    }

    /// The next entries; none after the last.
    pub async fn next_entries(&mut self, tx: &mut Tx) -> Result<Vec<Entry>, Problem> {
        let left = self.page.limit.unwrap_or(i64::MAX);
        let page = Page { limit: Some(left.min(CHUNK_ENTRIES)), ..self.page };
        let last = self.last.as_ref();
        let found = entry_lists::list_entries_after(tx, &self.scope, &self.filter, page, last).await?;
        self.page.limit = Some(left - i64::try_from(found.len()).unwrap_or(i64::MAX));
        self.page.skip = 0;
        self.last = found.last().cloned().or(self.last.take());
        Ok(found)
    }

    /// Continues after an entry behind which so many were given and not used.
    pub fn rewind_to(&mut self, entry: Entry, unused: usize) {
        self.page.limit = self.page.limit.map(|left| left.saturating_add(i64::try_from(unused).unwrap_or_default()));
        self.last = Some(entry);
    }
}
