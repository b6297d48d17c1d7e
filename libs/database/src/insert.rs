//! Inserts many rows of one table with few statements, whose texts depend on the table alone, so that connections keep them
//! prepared.
//!
//! `PostgreSQL` takes the values of a column as one array, whatever the number of rows. `SQLite` has no arrays; there a
//! statement has one of a few numbers of rows.

use sqlx::AssertSqlSafe;
use sqlx::sqlite::SqliteArguments;

use crate::row_values::{Placeholders, add_to_sqlite, have_nul, require_same_kinds, take_batch, to_postgres_arguments};
use crate::session::Connection;
use crate::statement_waiting::wait_for_statement;
use crate::{DbError, Tx, Val};

/// What is inserted into a table.
#[derive(Debug)]
pub struct RowInsert<'a> {
    pub table: &'a str,
    /// Columns with the same value in all rows.
    pub shared: Vec<(&'a str, Val)>,
    /// The columns of the rows. A column has values of one kind.
    pub columns: Vec<&'a str>,
    /// Leaves rows out that a unique key refuses.
    pub skip_existing: bool,
}

impl Tx {
    /// Inserts rows; returns how many were stored.
    pub async fn insert_rows(&mut self, insert: &RowInsert<'_>, rows: Vec<Vec<Val>>) -> Result<u64, DbError> {
        require_same_kinds(insert.table, insert.columns.len(), &rows)?;
        let mut stored = 0;
        let mut rows = rows.into_iter();
        while rows.len() > 0 {
            let batch = take_batch(&mut rows, self.engine());
            stored += self.insert_batch(insert, batch).await?;
        }
        Ok(stored)
    }

    async fn insert_batch(&mut self, insert: &RowInsert<'_>, batch: Vec<Vec<Val>>) -> Result<u64, DbError> {
        let has_nul = have_nul(&insert.shared, &batch);
        let shared = insert.shared.iter().map(|(_, val)| val);
        let is_urgent = self.is_waited_for();
        let done = match self.start_statement_with(has_nul)? {
            Connection::Sqlite(c) => {
                let sql = insert.render_sqlite(batch.len());
                let mut arguments = SqliteArguments::default();
                for row in batch {
                    for val in shared.clone().cloned().chain(row) {
                        add_to_sqlite(&mut arguments, val);
                    }
                }
                let query = sqlx::query_with(AssertSqlSafe(sql), arguments).persistent(true);
                wait_for_statement(query.execute(&mut **c), is_urgent).await.map(|done| done.rows_affected())
            }
            Connection::Postgres(c) => {
                let sql = insert.render_postgres(&batch[0]);
                let arguments = to_postgres_arguments(&insert.shared, batch);
                let query = sqlx::query_with(AssertSqlSafe(sql), arguments).persistent(true);
                query.execute(&mut **c).await.map(|done| done.rows_affected())
            }
        };
        self.finish_statement(done)
    }
}

impl RowInsert<'_> {
    fn render_columns(&self) -> String {
        let names: Vec<&str> = self.shared.iter().map(|(name, _)| *name).chain(self.columns.iter().copied()).collect();
        format!("INSERT INTO {} ({})", self.table, names.join(", "))
    }

    fn render_conflict(&self) -> &'static str {
        if self.skip_existing { " ON CONFLICT DO NOTHING" } else { "" }
    }

    /// Each row has the shared values again: `SQLite` compares each placeholder that has a number with all others.
    fn render_sqlite(&self, rows: usize) -> String {
        let tuple = format!("({})", vec!["?"; self.shared.len() + self.columns.len()].join(", "));
        format!("{} VALUES {}{}", self.render_columns(), vec![tuple; rows].join(", "), self.render_conflict())
    }

    fn render_postgres(&self, first: &[Val]) -> String {
        let Placeholders { shared, unnested, names } = Placeholders::new(&self.shared, first);
        let selected: Vec<&str> = shared.iter().chain(&names).map(String::as_str).collect();
        format!(
            "{} SELECT {} FROM {unnested} AS rows ({}){}",
            self.render_columns(),
            selected.join(", "),
            names.join(", "),
            self.render_conflict()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_depends_on_the_table_and_not_on_the_rows() {
        let insert = RowInsert {
            table: "thing",
            shared: vec![("author", "a".into()), ("at", 5.into())],
            columns: vec!["id", "name"],
            skip_existing: true,
        };
        assert_eq!(
            insert.render_sqlite(2),
            "INSERT INTO thing (author, at, id, name) VALUES (?, ?, ?, ?), (?, ?, ?, ?) ON CONFLICT DO NOTHING"
        );
        assert_eq!(
            insert.render_postgres(&[1.into(), Val::Text(None)]),
            "INSERT INTO thing (author, at, id, name) SELECT $1::TEXT, $2::BIGINT, c0, c1 \
             FROM UNNEST($3::BIGINT[], $4::TEXT[]) AS rows (c0, c1) ON CONFLICT DO NOTHING"
        );
    }
}
