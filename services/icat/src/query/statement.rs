//! What the compiler produces: SQL with bound values.

use service_kit::{BulkColumn, BulkRow, DbError, Row, Tx, Val};

use super::whole_rows::WholeRows;
pub use crate::domain::granted::Param;
use crate::store::rows::row_column_kinds;

/// SQL and the values bound to its `$1`, `$2`…
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    pub sql: String,
    pub params: Vec<Param>,
    /// A statement to try before, which mostly is faster.
    pub first_rows: Option<FirstRows>,
    /// Whether it has ORDER BY.
    pub is_sorted: bool,
    /// The number of rows that it returns at most, if it has LIMIT.
    pub row_limit: Option<usize>,
    /// The same search for whole rows, if it selects the rows of a variable and neither sorts nor groups them: else whole rows
    /// would be sorted.
    pub whole_rows: Option<WholeRows>,
}

/// A statement that looks for the rows of an answer among few rows.
#[derive(Debug, Clone, PartialEq)]
pub struct FirstRows {
    pub sql: String,
    pub params: Vec<Param>,
    /// With as many rows, its answer is complete.
    pub count: usize,
}

impl Statement {
    pub fn new(sql: String, params: Vec<Param>) -> Self {
        Self { sql, params, first_rows: None, is_sorted: false, row_limit: None, whole_rows: None }
    }

    /// The values bound to the SQL.
    pub fn list_values(&self) -> Vec<Val> {
        to_vals(&self.params)
    }

    /// Runs the statement.
    pub async fn fetch_rows(&self, tx: &mut Tx) -> Result<Vec<Row>, DbError> {
        if let Some(first) = &self.first_rows {
            let rows = tx.fetch_all(&first.sql, &to_vals(&first.params)).await?;
            if rows.len() >= first.count {
                return Ok(rows);
            }
        }
        tx.fetch_all(&self.sql, &self.list_values()).await
    }

    /// Runs a statement that selects ids, and passes them to `visit` in their order, if it is sorted. At least the first `max_whole`
    /// rows come with their columns ([`row_columns`](crate::store::rows::row_columns)), if the statement can select them.
    pub async fn visit_ids(&self, tx: &mut Tx, max_whole: usize, mut visit: impl VisitId) -> Result<(), DbError> {
        if let Some(rows) = &self.whole_rows {
            let (sql, kinds) = (rows.to_sql(tx.engine(), max_whole), row_column_kinds(rows.entity));
            let visit = |row: &BulkRow<'_>| match WholeRows::find_remaining_ids(row)? {
                Some(ids) => ids.into_iter().try_for_each(|id| visit(id, None)),
                None => {
                    let id = row.get_integer(0)?;
                    visit(id, id.map(|_| row))
                }
            };
            return tx.visit_bulk(&sql, &kinds, &self.list_values(), visit).await;
        }
        if self.is_sorted {
            return self.visit_rows(tx, |row| visit(row.get_at(0)?, None)).await;
        }
        let visit = |row: &BulkRow<'_>| visit(row.get_integer(0)?, None);
        tx.visit_bulk(&self.sql, &[BulkColumn::Integer], &self.list_values(), visit).await
    }

    /// Passes the rows to `visit`, in their order.
    pub async fn visit_rows(
        &self,
        tx: &mut Tx,
        mut visit: impl FnMut(&Row) -> Result<(), DbError>,
    ) -> Result<(), DbError> {
        if self.first_rows.is_some() {
            return self.fetch_rows(tx).await?.iter().try_for_each(visit);
        }
        tx.visit_rows(&self.sql, &self.list_values(), |row| visit(row)).await
    }
}

/// Takes an id, which is `None` where a LEFT JOIN yields no row, and perhaps the whole row.
pub trait VisitId: FnMut(Option<i64>, Option<&BulkRow<'_>>) -> Result<(), DbError> {}

impl<F: FnMut(Option<i64>, Option<&BulkRow<'_>>) -> Result<(), DbError>> VisitId for F {}

fn to_vals(params: &[Param]) -> Vec<Val> {
    params.iter().cloned().map(Val::from).collect()
}

/// How to answer a search.
#[derive(Debug, Clone, PartialEq)]
pub enum Plan {
    Run(Statement),
    /// `[]`: the user may read nothing of what is selected.
    Empty,
    /// `[0]`: the same for a single COUNT.
    Zero,
}
