//! Updates many rows of one table with few statements, whose texts depend on the table and the columns alone, as in
//! [`crate::insert`].

use sqlx::sqlite::SqliteArguments;
use sqlx::{AssertSqlSafe, query_with};

use crate::row::Inner as RowInner;
use crate::row_values::{Placeholders, add_to_sqlite, have_nul, require_same_kinds, take_batch, to_postgres_arguments};
use crate::session::Connection;
use crate::statement_waiting::wait_for_statement;
use crate::{DbError, Row, Tx, Val};

/// What is updated in a table with a column `id`.
#[derive(Debug)]
pub struct RowUpdate<'a> {
    pub table: &'a str,
    /// Columns that get the same value in all rows.
    pub shared: Vec<(&'a str, Val)>,
    /// A column whose value is increased by one.
    pub counted: &'a str,
    /// The columns whose values differ. A column has values of one kind.
    pub columns: Vec<&'a str>,
}

impl Tx {
    /// Updates rows, each given as its id and the values of the columns; no id twice. Returns the ids of those that are
    /// stored and their new values of the counted column, in any order.
    pub async fn update_rows(
        &mut self,
        update: &RowUpdate<'_>,
        rows: Vec<Vec<Val>>,
    ) -> Result<Vec<(i64, i64)>, DbError> {
        require_same_kinds(update.table, update.columns.len() + 1, &rows)?;
        let mut updated = Vec::with_capacity(rows.len());
        let mut rows = rows.into_iter();
        while rows.len() > 0 {
            let batch = take_batch(&mut rows, self.engine());
            for row in self.update_batch(update, batch).await? {
                updated.push((row.get_at(0)?, row.get_at(1)?));
            }
        }
        Ok(updated)
    }

    async fn update_batch(&mut self, update: &RowUpdate<'_>, batch: Vec<Vec<Val>>) -> Result<Vec<Row>, DbError> {
        let has_nul = have_nul(&update.shared, &batch);
        let shared = update.shared.iter().map(|(_, val)| val.clone());
        let is_urgent = self.is_waited_for();
        let rows = match self.start_statement_with(has_nul)? {
            Connection::Sqlite(c) => {
                let sql = update.render_sqlite(batch.len());
                let mut arguments = SqliteArguments::default();
                for val in shared.chain(batch.into_iter().flatten()) {
                    add_to_sqlite(&mut arguments, val);
                }
                let query = query_with(AssertSqlSafe(sql), arguments).persistent(true);
                let rows = wait_for_statement(query.fetch_all(&mut **c), is_urgent).await;
                rows.map(|rows| rows.into_iter().map(|row| Row(RowInner::Sqlite(row))).collect())
            }
            Connection::Postgres(c) => {
                let sql = update.render_postgres(&batch[0]);
                let arguments = to_postgres_arguments(&update.shared, batch);
                let rows = query_with(AssertSqlSafe(sql), arguments).persistent(true).fetch_all(&mut **c).await;
                rows.map(|rows| rows.into_iter().map(|row| Row(RowInner::Postgres(row))).collect())
            }
        };
        self.finish_statement(rows)
    }
}

impl RowUpdate<'_> {
    /// `UPDATE … SET …`.
    fn render_set(&self, shared: impl Iterator<Item = String>, values: impl Iterator<Item = String>) -> String {
        let shared = self.shared.iter().map(|(name, _)| *name).zip(shared);
        let columns = self.columns.iter().copied().zip(values);
        let sets: Vec<String> = shared.chain(columns).map(|(name, value)| format!("{name} = {value}")).collect();
        let (table, counted) = (self.table, self.counted);
        format!("UPDATE {table} SET {}, {counted} = {table}.{counted} + 1", sets.join(", "))
    }

    /// The columns of `VALUES` have names of their own on `SQLite`.
    fn render_sqlite(&self, rows: usize) -> String {
        let tuple = format!("({})", vec!["?"; self.columns.len() + 1].join(", "));
        let (table, counted) = (self.table, self.counted);
        format!(
            "{} FROM (VALUES {}) AS given WHERE {table}.id = given.column1 RETURNING id, {counted}",
            self.render_set(
                self.shared.iter().map(|_| "?".to_owned()),
                (2..).take(self.columns.len()).map(|place| format!("given.column{place}"))
            ),
            vec![tuple; rows].join(", ")
        )
    }

    fn render_postgres(&self, first: &[Val]) -> String {
        let Placeholders { shared, unnested, names } = Placeholders::new(&self.shared, first);
        let (table, counted) = (self.table, self.counted);
        format!(
            "{} FROM {unnested} AS given ({}) WHERE {table}.id = given.c0 RETURNING {table}.id, {table}.{counted}",
            self.render_set(shared.into_iter(), names.iter().skip(1).map(|name| format!("given.{name}"))),
            names.join(", ")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_depends_on_the_columns_and_not_on_the_rows() {
        let update = RowUpdate {
            table: "thing",
            shared: vec![("author", "a".into()), ("at", 5.into())],
            counted: "rev",
            columns: vec!["name", "size"],
        };
        assert_eq!(
            update.render_sqlite(2),
            "UPDATE thing SET author = ?, at = ?, name = given.column2, size = given.column3, rev = thing.rev + 1 \
             FROM (VALUES (?, ?, ?), (?, ?, ?)) AS given WHERE thing.id = given.column1 RETURNING id, rev"
        );
        assert_eq!(
            update.render_postgres(&[1.into(), Val::Text(None), Val::F64(None)]),
            "UPDATE thing SET author = $1::TEXT, at = $2::BIGINT, name = given.c1, size = given.c2, rev = thing.rev + 1 \
             FROM UNNEST($3::BIGINT[], $4::TEXT[], $5::DOUBLE PRECISION[]) AS given (c0, c1, c2) \
             WHERE thing.id = given.c0 RETURNING thing.id, thing.rev"
        );
    }
}
