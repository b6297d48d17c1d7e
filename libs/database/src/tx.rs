//! One transaction: statements, and the rule that a failed one poisons it.

use std::sync::Arc;

use sqlx::postgres::PgArguments;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments as _, AssertSqlSafe, Executor as _, Postgres, Sqlite, Transaction};

use tokio::sync::Notify;

use crate::patience::Patience;
use crate::row::Inner as RowInner;
use crate::{DbError, Engine, Row, Val};

/// A transaction, or a consistent snapshot for reading.
pub struct Tx {
    pub(crate) inner: Inner,
    pub(crate) state: State,
    pub(crate) wake: Vec<Arc<Notify>>,
    pub(crate) patience: Option<Patience>,
}

pub(crate) enum Inner {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

/// What has happened to the transaction so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Clean,
    /// A statement failed. `PostgreSQL` would answer COMMIT with success and store nothing.
    Failed,
    /// A statement failed because of a concurrent writer; the transaction can be run again.
    Conflict,
    /// A constraint refused a row. On `PostgreSQL` the cause may be a row that another transaction has just stored or removed
    /// and that this one's snapshot does not show.
    Constrained,
}

impl Tx {
    /// Which engine runs this; for the few statements that differ (long id lists as JSON).
    pub fn engine(&self) -> Engine {
        match self.inner {
            Inner::Sqlite(_) => Engine::Sqlite,
            Inner::Postgres(_) => Engine::Postgres,
        }
    }

    /// Wakes somebody once this transaction is committed, and not if it is not.
    pub fn wake_on_commit(&mut self, notify: &Arc<Notify>) {
        self.wake.push(Arc::clone(notify));
    }

    /// Runs a statement; the number of rows it changed.
    pub async fn exec(&mut self, sql: &str, vals: &[Val]) -> Result<u64, DbError> {
        self.check(vals)?;
        let done = match &mut self.inner {
            Inner::Sqlite(tx) => sqlite(sql, vals).execute(&mut **tx).await.map(|r| r.rows_affected()),
            Inner::Postgres(tx) => postgres(sql, vals).execute(&mut **tx).await.map(|r| r.rows_affected()),
        };
        self.note(done)
    }

    /// All rows of a query.
    pub async fn all(&mut self, sql: &str, vals: &[Val]) -> Result<Vec<Row>, DbError> {
        self.check(vals)?;
        let rows = match &mut self.inner {
            Inner::Sqlite(tx) => sqlite(sql, vals)
                .fetch_all(&mut **tx)
                .await
                .map(|rows| rows.into_iter().map(|row| Row(RowInner::Sqlite(row))).collect()),
            Inner::Postgres(tx) => postgres(sql, vals)
                .fetch_all(&mut **tx)
                .await
                .map(|rows| rows.into_iter().map(|row| Row(RowInner::Postgres(row))).collect()),
        };
        self.note(rows)
    }

    /// The first row, if there is one.
    pub async fn opt(&mut self, sql: &str, vals: &[Val]) -> Result<Option<Row>, DbError> {
        self.check(vals)?;
        let row = match &mut self.inner {
            Inner::Sqlite(tx) => {
                sqlite(sql, vals).fetch_optional(&mut **tx).await.map(|row| row.map(|row| Row(RowInner::Sqlite(row))))
            }
            Inner::Postgres(tx) => postgres(sql, vals)
                .fetch_optional(&mut **tx)
                .await
                .map(|row| row.map(|row| Row(RowInner::Postgres(row)))),
        };
        self.note(row)
    }

    /// The first row; [`DbError::NoRow`] if there is none.
    pub async fn one(&mut self, sql: &str, vals: &[Val]) -> Result<Row, DbError> {
        self.opt(sql, vals).await?.ok_or(DbError::NoRow)
    }

    /// For the statements that follow, when the best way depends on their values: `PostgreSQL` plans them anew each time,
    /// instead of once for whatever may come. `SQLite` does not look at values.
    pub async fn plan_by_values(&mut self) -> Result<(), DbError> {
        let done = match &mut self.inner {
            Inner::Sqlite(_) => Ok(()),
            Inner::Postgres(tx) => {
                postgres("SET LOCAL plan_cache_mode = force_custom_plan", &[]).execute(&mut **tx).await.map(drop)
            }
        };
        self.note(done)
    }

    /// Asks the engine to parse and plan a statement without running it.
    pub async fn prepare(&mut self, sql: &str) -> Result<(), DbError> {
        let sql = AssertSqlSafe(sql.to_owned());
        let prepared = match &mut self.inner {
            Inner::Sqlite(tx) => (&mut **tx).prepare(sqlx::SqlSafeStr::into_sql_str(sql)).await.map(drop),
            Inner::Postgres(tx) => (&mut **tx).prepare(sqlx::SqlSafeStr::into_sql_str(sql)).await.map(drop),
        };
        self.note(prepared)
    }

    /// Takes `count` fresh ids from the service's one rising sequence (unique over all its tables, with gaps).
    pub async fn allocate_ids(&mut self, count: usize) -> Result<Vec<i64>, DbError> {
        let wanted = i64::try_from(count).unwrap_or(i64::MAX);
        match self.engine() {
            Engine::Sqlite => {
                let row = self.one(ALLOCATE_SQLITE, &[wanted.into()]).await?;
                let next: i64 = row.get("next")?;
                Ok((next - wanted..next).collect())
            }
            Engine::Postgres => {
                let rows = self.all(ALLOCATE_POSTGRES, &[wanted.into()]).await?;
                rows.iter().map(|row| row.get("id")).collect()
            }
        }
    }

    fn check(&self, vals: &[Val]) -> Result<(), DbError> {
        if self.state != State::Clean {
            return Err(DbError::Poisoned);
        }
        if vals.iter().any(Val::has_nul) {
            return Err(DbError::Nul);
        }
        if let Some(patience) = &self.patience {
            patience.begin();
        }
        Ok(())
    }

    pub(crate) fn note<T>(&mut self, outcome: Result<T, sqlx::Error>) -> Result<T, DbError> {
        outcome.map_err(|e| {
            let e = DbError::from(e);
            self.state = match (&e, &self.inner) {
                (DbError::Conflict(_), _) => State::Conflict,
                (DbError::Unique(_) | DbError::Constraint(_), Inner::Postgres(_)) => State::Constrained,
                _ => State::Failed,
            };
            e
        })
    }
}

/// Bytes of the longest statement that a connection keeps for the next time.
const LONGEST_KEPT: usize = 4096;

/// Identifiers on `SQLite`: one counter row, safe because there is one writer at a time.
const ALLOCATE_SQLITE: &str = "UPDATE id_sequence SET next = next + $1 RETURNING next";
/// Identifiers on `PostgreSQL`: a sequence, so that writers do not wait for one another.
const ALLOCATE_POSTGRES: &str = "SELECT nextval('id_sequence') AS id FROM generate_series(1, $1)";

pub(crate) fn sqlite<'q>(sql: &str, vals: &'q [Val]) -> sqlx::query::Query<'q, Sqlite, SqliteArguments> {
    let mut arguments = SqliteArguments::default();
    for val in vals {
        // Values of these four kinds always encode.
        let _encoded = match val {
            Val::I64(v) => arguments.add(*v),
            Val::F64(v) => arguments.add(*v),
            Val::Text(v) => arguments.add(v.clone()),
            Val::Blob(v) => arguments.add(v.clone()),
        };
    }
    sqlx::query_with(AssertSqlSafe(sql.to_owned()), arguments).persistent(is_kept(sql))
}

/// The kinds of the values are part of the statement's text, because sqlx caches statements by their text and would
/// otherwise bind a later value of another kind with the first one's type.
pub(crate) fn postgres<'q>(sql: &str, vals: &'q [Val]) -> sqlx::query::Query<'q, Postgres, PgArguments> {
    let mut arguments = PgArguments::default();
    let mut text = String::with_capacity(sql.len() + vals.len() + 4);
    text.push_str(sql);
    text.push_str("--");
    for val in vals {
        text.push(val.letter());
        let _encoded = match val {
            Val::I64(v) => arguments.add(*v),
            Val::F64(v) => arguments.add(*v),
            Val::Text(v) => arguments.add(v.clone()),
            Val::Blob(v) => arguments.add(v.clone()),
        };
    }
    sqlx::query_with(AssertSqlSafe(text), arguments).persistent(is_kept(sql))
}

/// Whether a connection keeps the prepared statement. It keeps a number of them whatever their size, and those that users'
/// questions make long differ from one another.
fn is_kept(sql: &str) -> bool {
    sql.len() <= LONGEST_KEPT
}

#[cfg(test)]
mod tests {
    use sqlx::Execute;

    use super::*;

    #[test]
    fn long_statements_are_not_kept_on_their_connection() {
        let long = format!("SELECT 1 WHERE {}1 = 1", "1 = 1 AND ".repeat(500));
        for (sql, kept) in [("SELECT 1", true), (long.as_str(), false)] {
            assert_eq!(Execute::persistent(&sqlite(sql, &[])), kept);
            assert_eq!(Execute::persistent(&postgres(sql, &[])), kept);
        }
    }
}
