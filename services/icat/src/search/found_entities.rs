//! The entities that a search has found: their ids, and those rows that its statement has read already.

use std::collections::VecDeque;

use icat_client::schema::Entity;
use service_kit::{BulkRow, DbError, Tx};

use super::rendered_rows::RenderedRows;
use crate::query::{Include, Statement};

/// Rows of an answer of one page.
pub const MAX_ROWS_OF_ONLY_PAGE: usize = 1000;
/// Rows of each page after the first, at most.
pub const MAX_ROWS_PER_PAGE: usize = 500;
/// Bytes that these pages should have.
pub const PAGE_BYTES: usize = 256 * 1024;
/// Bytes of the rendered rows that are kept until they are sent.
const MAX_KEPT_BYTES: usize = 4 * 1024 * 1024;

pub struct FoundEntities {
    pub entity: &'static Entity,
    /// `None` where a LEFT JOIN yields no row.
    pub ids: Vec<Option<i64>>,
    /// The first pages, if the statement of the search has read their rows.
    pub pages: VecDeque<ReadPage>,
}

/// A page whose rows have been read.
pub struct ReadPage {
    /// The number of ids.
    pub len: usize,
    pub rows: RenderedRows,
}

impl FoundEntities {
    /// Runs the statement of a search that selects the ids of rows.
    pub async fn find(
        tx: &mut Tx,
        entity: &'static Entity,
        includes: &[Include],
        statement: &Statement,
    ) -> Result<Self, DbError> {
        let mut found = Self { entity, ids: Vec::new(), pages: VecDeque::new() };
        let (mut kept_bytes, mut keeps_rows) = (0, true);
        let visit = |id: Option<i64>, row: Option<&BulkRow<'_>>| {
            found.ids.push(id);
            keeps_rows &=
                kept_bytes < MAX_KEPT_BYTES && (row.is_some() || (id.is_none() && statement.whole_rows.is_some()));
            if !keeps_rows {
                return Ok(());
            }
            let is_full = found.pages.back().is_none_or(|page| page.is_full(found.pages.len() == 1));
            if is_full {
                found.pages.push_back(ReadPage { len: 0, rows: RenderedRows::new(entity, includes) });
            }
            let Some(page) = found.pages.back_mut() else { return Ok(()) };
            page.len += 1;
            let before = page.rows.count_bytes();
            row.map_or(Ok(()), |row| page.rows.push(row))?;
            kept_bytes += page.rows.count_bytes() - before;
            Ok(())
        };
        statement.visit_ids(tx, MAX_ROWS_OF_ONLY_PAGE, visit).await?;
        found.pages.iter_mut().for_each(|page| page.rows.sort());
        Ok(found)
    }

    /// Whether the rows of the whole answer have been read as one page.
    pub fn is_one_page(&self) -> bool {
        self.pages.front().is_some_and(|page| page.len == self.ids.len())
    }
}

impl ReadPage {
    fn is_full(&self, is_first: bool) -> bool {
        if is_first {
            return self.len >= MAX_ROWS_OF_ONLY_PAGE;
        }
        self.len >= MAX_ROWS_PER_PAGE || self.rows.count_bytes() >= PAGE_BYTES
    }
}
