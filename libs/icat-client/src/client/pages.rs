//! Reads answers of any length in pages. Each page starts after the last id of the previous one (`id > last ORDER BY id`),
//! so rows that are created or deleted meanwhile cause neither gaps nor duplicates.

use std::collections::VecDeque;

use serde_json::Value;

use super::IcatClient;
use super::error::IcatError;
use super::query::{Query, QueryError};
use super::select::Select;
use super::split::split_for_pages;

/// The size of the first page if the number of included entities is unknown.
const ROWS_OF_UNKNOWN_SIZE: u64 = 100;

/// The pages of one or several queries.
#[derive(Debug)]
pub struct Pages<'c> {
    client: &'c IcatClient,
    session_id: String,
    queries: VecDeque<Query>,
    after: Option<i64>,
    most_rows: Option<u32>,
    rows: Option<u32>,
}

impl IcatClient {
    /// The rows of a query in the order of their ids. The query must select whole entities or the column `id`, and must
    /// have no order and no LIMIT.
    pub fn pages(&self, session_id: &str, query: Query) -> Result<Pages<'_>, QueryError> {
        query.check_pages()?;
        Ok(self.new_pages(session_id, VecDeque::from([query])))
    }

    /// The same for rows in which `path` (`id`, `dataset.id`…) is one of these ids, of which there may be any number. Rows
    /// are ordered by id within each of several requests, not over all of them.
    pub fn pages_by_ids(
        &self,
        session_id: &str,
        query: &Query,
        path: &str,
        ids: &[i64],
    ) -> Result<Pages<'_>, QueryError> {
        query.check_pages()?;
        let url_bytes = |text: &str| self.search_url_bytes(session_id, text);
        let queries = split_for_pages(query, path, ids, self.max_url_bytes, url_bytes)?;
        Ok(self.new_pages(session_id, queries.into()))
    }

    /// Those of the rows of an entity that the session may read, in the order of their ids. Takes one request for each list of ids
    /// that fits into a URL.
    pub async fn list_readable_ids(&self, session_id: &str, entity: &str, ids: &[i64]) -> Result<Vec<i64>, IcatError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let query = Select::values(entity, &["id"]).build()?;
        let rows = self.pages_by_ids(session_id, &query, "id", ids)?.collect_rows().await?;
        let mut readable: Vec<i64> = rows.iter().filter_map(Value::as_i64).collect();
        readable.sort_unstable();
        Ok(readable)
    }

    fn new_pages(&self, session_id: &str, queries: VecDeque<Query>) -> Pages<'_> {
        let session_id = session_id.to_owned();
        Pages { client: self, session_id, queries, after: None, most_rows: None, rows: None }
    }
}

impl Pages<'_> {
    /// Sets the maximum number of rows per page; the default is what the server allows.
    pub fn with_rows(mut self, rows: u32) -> Self {
        self.most_rows = Some(rows.max(1));
        self
    }

    /// The next rows, at least one; `None` at the end. After an error, the same page can be requested again.
    pub async fn next_page(&mut self) -> Result<Option<Vec<Value>>, IcatError> {
        while let Some(query) = self.queries.front() {
            let rows = match self.rows {
                Some(rows) => rows,
                None => *self.rows.insert(self.first_page_rows(query).await?),
            };
            let found = match self.client.query_rows(&self.session_id, &query.next_page(self.after, rows)).await {
                // Included rows count too, and their number is known only now.
                Err(e) if e.is_too_many_entities() && rows > 1 => {
                    self.rows = Some(rows / 2);
                    continue;
                }
                other => other?,
            };
            let last = found.last().map(|row| query.row_id(row));
            match last {
                Some(Some(id)) if self.after.is_none_or(|after| id > after) => self.after = Some(id),
                None => {}
                Some(_) => return Err(IcatError::unexpected_answer("rows that are not in the requested order")),
            }
            if (found.len() as u64) < u64::from(rows) {
                self.queries.pop_front();
                self.after = None;
            }
            if !found.is_empty() {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// All rows at once.
    pub async fn collect_rows(mut self) -> Result<Vec<Value>, IcatError> {
        let mut all = Vec::new();
        while let Some(page) = self.next_page().await? {
            all.extend(page);
        }
        Ok(all)
    }

    async fn first_page_rows(&self, query: &Query) -> Result<u32, IcatError> {
        let most = self.client.get_max_entities().await?;
        let rows = query.included_per_row().map_or(ROWS_OF_UNKNOWN_SIZE.min(most), |per_row| most / (1 + per_row));
        let rows = u32::try_from(rows.max(1)).unwrap_or(u32::MAX).min(i32::MAX.unsigned_abs());
        Ok(self.most_rows.map_or(rows, |most| most.min(rows)))
    }
}
