//! One transaction: its statements, and the rule that a failed statement poisons it.

use std::sync::Arc;

use futures_util::stream::BoxStream;
use futures_util::{StreamExt as _, TryStreamExt as _};
use sqlx::postgres::PgArguments;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments as _, AssertSqlSafe, Executor as _, Postgres, SqlSafeStr as _, Sqlite};
use tokio::sync::Notify;

use crate::row::Inner as RowInner;
use crate::session::{Connection, Session};
use crate::statement_waiting::wait_for_statement;
use crate::writability::Writability;
use crate::{DbError, Engine, Row, Val};

/// A transaction, or a consistent snapshot for reading.
pub struct Tx {
    session: Session,
    state: State,
    wake: Vec<Arc<Notify>>,
    /// Hears of failures to write; `None` for a snapshot.
    writability: Option<Writability>,
    /// Tables that were locked before the snapshot was taken.
    locked_tables: Vec<&'static str>,
    /// A table that must be locked before the snapshot of the next attempt is taken.
    wanted_lock: Option<&'static str>,
}

/// What has happened to the transaction so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Clean,
    /// A statement failed. `PostgreSQL` would answer COMMIT with success and store nothing.
    Failed,
    /// A statement failed because of a concurrent writer; the transaction can be run again.
    Conflict,
    /// A constraint refused a row. On `PostgreSQL` the cause may be a row that another transaction has just stored or
    /// removed and that this one's snapshot does not show.
    Constrained,
}

impl Tx {
    /// `writability` is `None` for a snapshot.
    pub(crate) fn new(session: Session, writability: Option<Writability>) -> Self {
        Self::with_locked_tables(session, writability, Vec::new())
    }

    pub(crate) fn with_locked_tables(
        session: Session,
        writability: Option<Writability>,
        locked_tables: Vec<&'static str>,
    ) -> Self {
        Self { session, state: State::Clean, wake: Vec::new(), writability, locked_tables, wanted_lock: None }
    }

    /// The engine of this transaction; for the few statements that differ.
    pub fn engine(&self) -> Engine {
        self.session.engine()
    }

    pub(crate) fn limit_to_one_statement(&mut self) {
        self.session.limit_to_one_statement();
    }

    /// What has happened so far. A cancelled statement counts as failed.
    pub(crate) fn state(&self) -> State {
        if self.state == State::Clean && !self.session.is_ready() { State::Failed } else { self.state }
    }

    /// Whether it sees changes of others that may still be undone: nothing that it reads may be kept then. On `SQLite`, where
    /// several transactions share a commit.
    pub fn sees_uncommitted_changes(&self) -> bool {
        self.session.sees_uncommitted_changes()
    }

    /// Notifies `notify` if and when this transaction is committed.
    pub fn notify_on_commit(&mut self, notify: &Arc<Notify>) {
        self.wake.push(Arc::clone(notify));
    }

    /// Makes this transaction run alone among those that write to a table, with a snapshot that shows what the others have
    /// committed. On `PostgreSQL`, a transaction that began without the lock is a conflict and is started again with it; on
    /// `SQLite` all write transactions run one after the other. Readers do not wait.
    pub fn require_table_lock(&mut self, table: &'static str) -> Result<(), DbError> {
        if self.engine() == Engine::Sqlite || self.locked_tables.contains(&table) {
            return Ok(());
        }
        self.state = State::Conflict;
        self.wanted_lock = Some(table);
        Err(DbError::Poisoned)
    }

    /// The lock that another attempt needs.
    pub(crate) fn wanted_lock(&self) -> Option<&'static str> {
        self.wanted_lock
    }

    /// Runs a statement and returns the number of rows that it changed.
    pub async fn execute(&mut self, sql: &str, vals: &[Val]) -> Result<u64, DbError> {
        let is_urgent = self.is_waited_for();
        let done = match self.start_statement(vals)? {
            Connection::Sqlite(c) => {
                let statement = build_sqlite_query(sql, vals).execute(&mut **c);
                wait_for_statement(statement, is_urgent).await.map(|r| r.rows_affected())
            }
            Connection::Postgres(c) => {
                build_postgres_query(sql, vals).execute(&mut **c).await.map(|r| r.rows_affected())
            }
        };
        self.finish_statement(done)
    }

    /// Runs a query and returns all rows.
    pub async fn fetch_all(&mut self, sql: &str, vals: &[Val]) -> Result<Vec<Row>, DbError> {
        let is_urgent = self.is_waited_for();
        let rows = match self.start_statement(vals)? {
            Connection::Sqlite(c) => wait_for_statement(build_sqlite_query(sql, vals).fetch_all(&mut **c), is_urgent)
                .await
                .map(|rows| rows.into_iter().map(|row| Row(RowInner::Sqlite(row))).collect()),
            Connection::Postgres(c) => build_postgres_query(sql, vals)
                .fetch_all(&mut **c)
                .await
                .map(|rows| rows.into_iter().map(|row| Row(RowInner::Postgres(row))).collect()),
        };
        self.finish_statement(rows)
    }

    /// Starts a query whose rows are taken one by one; [`finish_statement`](Self::finish_statement) records its outcome.
    fn start_rows<'t>(
        &'t mut self,
        sql: &'t str,
        vals: &'t [Val],
    ) -> Result<BoxStream<'t, Result<Row, sqlx::Error>>, DbError> {
        Ok(match self.start_statement(vals)? {
            Connection::Sqlite(c) => {
                build_sqlite_query(sql, vals).fetch(&mut **c).map_ok(|row| Row(RowInner::Sqlite(row))).boxed()
            }
            Connection::Postgres(c) => {
                build_postgres_query(sql, vals).fetch(&mut **c).map_ok(|row| Row(RowInner::Postgres(row))).boxed()
            }
        })
    }

    /// Passes each row of a query to `row` as it arrives, so that tables of any size can be read. An error of `row` ends it.
    pub(crate) async fn for_each_row<E: From<DbError>>(
        &mut self,
        sql: &str,
        vals: &[Val],
        mut row: impl AsyncFnMut(Row) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut rows = self.start_rows(sql, vals)?;
        let outcome = loop {
            match rows.try_next().await {
                Ok(Some(next)) => row(next).await?,
                Ok(None) => break Ok(()),
                Err(e) => break Err(e),
            }
        };
        drop(rows);
        Ok(self.finish_statement(outcome)?)
    }

    /// Passes each row of a query to `visit` as it arrives, so that no list of rows is kept. An error of `visit` ends the query.
    pub async fn visit_rows<E: From<DbError>>(
        &mut self,
        sql: &str,
        vals: &[Val],
        mut visit: impl FnMut(&Row) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut rows = self.start_rows(sql, vals)?;
        let mut visited = Ok(());
        let outcome = loop {
            match rows.try_next().await {
                Ok(Some(row)) => {
                    visited = visit(&row);
                    if visited.is_err() {
                        break Ok(());
                    }
                }
                Ok(None) => break Ok(()),
                Err(e) => break Err(e),
            }
        };
        drop(rows);
        self.finish_statement(outcome)?;
        visited
    }

    /// Runs a query and returns its first row, if there is one.
    pub async fn fetch_optional(&mut self, sql: &str, vals: &[Val]) -> Result<Option<Row>, DbError> {
        let is_urgent = self.is_waited_for();
        let row = match self.start_statement(vals)? {
            Connection::Sqlite(c) => {
                wait_for_statement(build_sqlite_query(sql, vals).fetch_optional(&mut **c), is_urgent)
                    .await
                    .map(|row| row.map(|row| Row(RowInner::Sqlite(row))))
            }
            Connection::Postgres(c) => build_postgres_query(sql, vals)
                .fetch_optional(&mut **c)
                .await
                .map(|row| row.map(|row| Row(RowInner::Postgres(row)))),
        };
        self.finish_statement(row)
    }

    /// Runs a query and returns its first row; [`DbError::NoRow`] if there is none.
    pub async fn fetch_one(&mut self, sql: &str, vals: &[Val]) -> Result<Row, DbError> {
        self.fetch_optional(sql, vals).await?.ok_or(DbError::NoRow)
    }

    /// Makes `PostgreSQL` plan each following statement for its values, instead of once for all values; for statements whose
    /// best plan depends on them. `SQLite` plans without values.
    pub async fn plan_by_values(&mut self) -> Result<(), DbError> {
        match self.engine() {
            Engine::Sqlite => Ok(()),
            Engine::Postgres => self.execute("SET LOCAL plan_cache_mode = force_custom_plan", &[]).await.map(drop),
        }
    }

    /// Parses and plans a statement without running it; for tests.
    pub async fn prepare_statement(&mut self, sql: &str) -> Result<(), DbError> {
        let sql = AssertSqlSafe(sql.to_owned()).into_sql_str();
        let prepared = match self.start_statement(&[])? {
            Connection::Sqlite(c) => (&mut **c).prepare(sql).await.map(drop),
            Connection::Postgres(c) => (&mut **c).prepare(sql).await.map(drop),
        };
        self.finish_statement(prepared)
    }

    /// Runs several statements without values.
    pub(crate) async fn execute_script(&mut self, sql: &str) -> Result<(), DbError> {
        let script = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        let done = match self.start_statement(&[])? {
            Connection::Sqlite(c) => (&mut **c).execute(script).await.map(drop),
            Connection::Postgres(c) => (&mut **c).execute(script).await.map(drop),
        };
        self.finish_statement(done)
    }

    /// Takes `count` fresh ids from the service's one rising sequence (unique over all its tables, with gaps).
    pub async fn allocate_ids(&mut self, count: usize) -> Result<Vec<i64>, DbError> {
        let wanted = i64::try_from(count).unwrap_or(i64::MAX);
        match self.engine() {
            Engine::Sqlite => {
                let row = self.fetch_one(ALLOCATE_SQLITE, &[wanted.into()]).await?;
                let next: i64 = row.get("next")?;
                Ok((next - wanted..next).collect())
            }
            Engine::Postgres => {
                let rows = self.fetch_all(ALLOCATE_POSTGRES, &[wanted.into()]).await?;
                rows.iter().map(|row| row.get("id")).collect()
            }
        }
    }

    /// Whether other writers wait for this one.
    pub(crate) fn is_waited_for(&self) -> bool {
        self.session.is_waited_for()
    }

    fn start_statement(&mut self, vals: &[Val]) -> Result<&mut Connection, DbError> {
        self.start_statement_with(vals.iter().any(Val::has_nul))
    }

    /// `has_nul`: whether a value is a text that no `PostgreSQL` text can hold.
    pub(crate) fn start_statement_with(&mut self, has_nul: bool) -> Result<&mut Connection, DbError> {
        if self.state() != State::Clean {
            return Err(DbError::Poisoned);
        }
        if has_nul {
            return Err(DbError::Nul);
        }
        Ok(self.session.start_statement()?)
    }

    pub(crate) fn finish_statement<T>(&mut self, outcome: Result<T, sqlx::Error>) -> Result<T, DbError> {
        let outcome = outcome.map_err(|e| DbError::of_statement(e, self.writability.is_none()));
        self.session.finish_statement(outcome.as_ref().is_err_and(DbError::breaks_connection));
        let Err(e) = &outcome else { return outcome };
        self.state = match (e, self.engine()) {
            (DbError::Conflict(_), _) => State::Conflict,
            (DbError::Unique(_) | DbError::Constraint(_), Engine::Postgres) => State::Constrained,
            _ => State::Failed,
        };
        if let Some(writability) = &self.writability {
            writability.note_error(e);
        }
        outcome
    }

    /// Commits in a task of its own, so that a cancelled request leaves neither half a commit nor a stored change whose
    /// waiters are not notified.
    #[expect(clippy::disallowed_methods, reason = "one statement, which its connection bounds")]
    pub(crate) async fn commit(self) -> Result<(), DbError> {
        let Self { session, wake, writability, .. } = self;
        let committing = tokio::spawn(async move {
            let done = session.commit().await;
            if done.is_ok() {
                for notify in &wake {
                    notify.notify_one();
                }
            }
            if let Some(writability) = &writability {
                writability.note_outcome(&done);
            }
            done
        });
        committing.await.unwrap_or_else(|e| Err(DbError::CommitUnknown(sqlx::Error::Io(std::io::Error::other(e)))))
    }

    /// Rolls back. [`DbError::Conflict`] if changes that this transaction has seen were undone as well, so that what it found is
    /// not true.
    #[expect(clippy::disallowed_methods, reason = "a few statements, which their connection bounds")]
    pub(crate) async fn roll_back(self) -> Result<(), DbError> {
        // It may commit what others have left, so that it is not given up half-way.
        let rolling_back = tokio::spawn(self.session.roll_back());
        rolling_back.await.unwrap_or_else(|e| Err(DbError::CommitUnknown(sqlx::Error::Io(std::io::Error::other(e)))))
    }
}

/// Bytes of the longest statement that a connection keeps prepared.
const MAX_KEPT_BYTES: usize = 4096;

/// Identifiers on `SQLite`: one counter row, safe because there is one writer at a time.
const ALLOCATE_SQLITE: &str = "UPDATE id_sequence SET next = next + $1 RETURNING next";
/// Identifiers on `PostgreSQL`: a sequence, so that writers do not wait for one another.
const ALLOCATE_POSTGRES: &str = "SELECT nextval('id_sequence') AS id FROM generate_series(1, $1)";

pub(crate) fn build_sqlite_query<'q>(sql: &str, vals: &'q [Val]) -> sqlx::query::Query<'q, Sqlite, SqliteArguments> {
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
pub(crate) fn build_postgres_query<'q>(sql: &str, vals: &'q [Val]) -> sqlx::query::Query<'q, Postgres, PgArguments> {
    let mut arguments = PgArguments::default();
    let mut text = String::with_capacity(sql.len() + vals.len() + 4);
    text.push_str(sql);
    text.push_str("--");
    for val in vals {
        text.push(val.type_letter());
        let _encoded = match val {
            Val::I64(v) => arguments.add(*v),
            Val::F64(v) => arguments.add(*v),
            Val::Text(v) => arguments.add(v.clone()),
            Val::Blob(v) => arguments.add(v.clone()),
        };
    }
    sqlx::query_with(AssertSqlSafe(text), arguments).persistent(is_kept(sql))
}

/// Whether a connection keeps the prepared statement. It keeps a number of them whatever their size, and those that
/// users' questions make long differ from one another.
fn is_kept(sql: &str) -> bool {
    sql.len() <= MAX_KEPT_BYTES
}

#[cfg(test)]
mod tests {
    use sqlx::Execute;

    use super::*;

    #[test]
    fn long_statements_are_not_kept_on_their_connection() {
        let long = format!("SELECT 1 WHERE {}1 = 1", "1 = 1 AND ".repeat(500));
        for (sql, kept) in [("SELECT 1", true), (long.as_str(), false)] {
            assert_eq!(Execute::persistent(&build_sqlite_query(sql, &[])), kept);
            assert_eq!(Execute::persistent(&build_postgres_query(sql, &[])), kept);
        }
    }
}
