//! What the compiler produces: SQL with bound values.

use service_kit::{DbError, Row, Tx, Val};

pub use crate::domain::granted::Param;

/// SQL and the values bound to its `$1`, `$2`…
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    pub sql: String,
    pub params: Vec<Param>,
    /// A statement to try before, which mostly is faster.
    pub first_rows: Option<FirstRows>,
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
        Self { sql, params, first_rows: None }
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
}

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
