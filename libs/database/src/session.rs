//! A connection of a pool for the time of one transaction.
//!
//! sqlx's own `Transaction` puts a connection back although nobody knows its state: after an error by which `SQLite`
//! has rolled back, it goes on counting the transaction as open and refuses every later `BEGIN`, and a `BEGIN` of
//! `PostgreSQL` that is given up half-way stays open for whoever gets the connection next (sqlx 0.9). Here a connection
//! goes back to its pool only after the database has acknowledged a `COMMIT` or `ROLLBACK`; in every other case it is
//! closed, which ends its transaction.

mod use_count;

use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::{AssertSqlSafe, Executor as _, PgPool, Postgres, Row as _, Sqlite, SqlitePool};
use tokio::runtime::Handle;

use self::use_count::InUse;
pub(crate) use self::use_count::UseCount;
use crate::canceller::{Canceller, PROCESS_ID};
use crate::statement_timeout::StatementTimeout;
use crate::statement_waiting::wait_for_statement;
use crate::write_group::{GroupOutcome, Members, Membership, OpenGroup, WriteLock, WriteQueue};
use crate::{DbError, Engine};

/// Savepoints of transactions that share a commit, see [`crate::write_group`]. The next one begins where one ends, so that both
/// take one trip to the thread of the connection.
const BEGIN_SECOND: &str = "SAVEPOINT member";
const BEGIN_NEXT: &str = "RELEASE member; SAVEPOINT member";
const UNDO: &str = "ROLLBACK TO member";

/// A connection within a transaction, or for one statement.
pub(crate) struct Session {
    /// `None` once it has been given back.
    connection: Option<Connection>,
    state: State,
    /// When the running statement must end; only on `SQLite`.
    timeout: Option<StatementTimeout>,
    /// Only on `PostgreSQL`.
    backend: Option<Backend>,
    /// Only where `SQLite` writes.
    membership: Option<Membership>,
    in_use: Option<InUse>,
    has_transaction: bool,
    statements: Statements,
}

/// How many statements a session is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Statements {
    Many,
    One,
    NoMore,
}

/// The server process of a connection, and who can cancel its statement.
struct Backend {
    pid: i32,
    canceller: Canceller,
}

pub(crate) enum Connection {
    Sqlite(PoolConnection<Sqlite>),
    Postgres(PoolConnection<Postgres>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Between two statements of an open transaction.
    Ready,
    /// A statement has begun and its outcome is not known (yet).
    Running,
    /// An error after which the transaction or the connection may be gone.
    Broken,
}

impl Session {
    /// Begins a transaction. If this is cancelled or fails, the connection is closed.
    pub(crate) async fn begin_sqlite(pool: &SqlitePool, begin: &'static str) -> Result<Self, sqlx::Error> {
        let mut session = Self::new(Connection::Sqlite(pool.acquire().await?));
        session.execute_statement(begin.to_owned()).await?;
        session.state = State::Ready;
        Ok(session)
    }

    /// A connection for one statement outside of transactions.
    pub(crate) async fn open_sqlite_statement(pool: &SqlitePool) -> Result<Self, sqlx::Error> {
        let mut session = Self::new(Connection::Sqlite(pool.acquire().await?));
        session.has_transaction = false;
        session.state = State::Ready;
        Ok(session)
    }

    /// Refuses every statement but the next one.
    pub(crate) fn limit_to_one_statement(&mut self) {
        self.statements = Statements::One;
    }

    /// Whether it continues in a transaction that others have left uncommitted, so that it sees what may be undone.
    pub(crate) fn sees_uncommitted_changes(&self) -> bool {
        self.membership.as_ref().is_some_and(|membership| !membership.earlier.is_empty())
    }

    /// Whether other writers wait for this one.
    pub(crate) fn is_waited_for(&self) -> bool {
        self.membership.as_ref().is_some_and(|membership| membership.queue.has_waiting())
    }

    /// Begins a transaction that writes, or continues in the open one that earlier writers have left.
    pub(crate) async fn begin_sqlite_write(
        pool: &SqlitePool,
        queue: &WriteQueue,
        mut lock: WriteLock,
        is_alone: bool,
    ) -> Result<Self, sqlx::Error> {
        let (mut session, earlier) = match lock.take() {
            Some(OpenGroup { session, members }) => (session, members),
            None => (Self::begin_sqlite(pool, "BEGIN IMMEDIATE").await?, Members::default()),
        };
        session.membership = Some(Membership { queue: queue.clone(), lock, earlier, is_alone });
        Ok(session)
    }

    /// Begins a transaction with several statements. A connection that was lost while it was idle is replaced by another one; so
    /// is one that does not answer within `limit`.
    pub(crate) async fn begin_postgres(
        pool: &PgPool,
        begin: &str,
        limit: Duration,
        canceller: &Canceller,
    ) -> Result<Self, sqlx::Error> {
        let script = format!("{begin}; SHOW {PROCESS_ID}");
        // All idle connections may be lost.
        for _ in 0..=pool.size() {
            if let Some(session) = Self::try_begin_postgres(pool, &script, limit, canceller).await? {
                return Ok(session);
            }
        }
        Err(sqlx::Error::BeginFailed)
    }

    /// `None` if the connection was lost.
    async fn try_begin_postgres(
        pool: &PgPool,
        script: &str,
        limit: Duration,
        canceller: &Canceller,
    ) -> Result<Option<Self>, sqlx::Error> {
        let mut session = Self::new(Connection::Postgres(pool.acquire().await?));
        let Some(Connection::Postgres(connection)) = &mut session.connection else {
            return Err(sqlx::Error::PoolClosed);
        };
        let begun = (&mut **connection).fetch_one(sqlx::raw_sql(AssertSqlSafe(script.to_owned())));
        let pid: String = match tokio::time::timeout(limit, begun).await {
            Ok(Ok(row)) => row.try_get(0)?,
            Ok(Err(e)) if !DbError::is_lost_connection(&e) => return Err(e),
            Ok(Err(_)) | Err(_) => return Ok(None),
        };
        let pid = pid.parse().map_err(|e| sqlx::Error::Decode(Box::new(e)))?;
        session.backend = Some(Backend { pid, canceller: canceller.clone() });
        session.state = State::Ready;
        Ok(Some(session))
    }

    fn new(connection: Connection) -> Self {
        Self {
            connection: Some(connection),
            state: State::Running,
            timeout: None,
            backend: None,
            membership: None,
            in_use: None,
            has_transaction: true,
            statements: Statements::Many,
        }
    }

    /// Interrupts each statement of a read transaction on `SQLite` that takes longer than its limit.
    pub(crate) async fn limit_statements(&mut self, timeout: StatementTimeout) -> Result<(), sqlx::Error> {
        self.state = State::Running;
        if let Some(Connection::Sqlite(connection)) = &mut self.connection {
            timeout.watch_connection(connection).await?;
        }
        self.timeout = Some(timeout);
        self.state = State::Ready;
        Ok(())
    }

    /// Counts this session as long as it lasts.
    pub(crate) fn count_in(&mut self, uses: &UseCount) {
        self.in_use = Some(uses.count_use());
    }

    /// Tells which timeout the connection already watches.
    pub(crate) fn set_timeout(&mut self, timeout: StatementTimeout) {
        timeout.start_statement();
        self.timeout = Some(timeout);
    }

    pub(crate) fn engine(&self) -> Engine {
        match &self.connection {
            Some(Connection::Sqlite(_)) => Engine::Sqlite,
            _ => Engine::Postgres,
        }
    }

    /// Whether the transaction is open and no statement of it runs or was given up.
    pub(crate) fn is_ready(&self) -> bool {
        self.state == State::Ready
    }

    /// The connection for one statement; [`finish_statement`](Self::finish_statement) records its outcome.
    pub(crate) fn start_statement(&mut self) -> Result<&mut Connection, sqlx::Error> {
        match self.statements {
            Statements::Many => {}
            Statements::One => self.statements = Statements::NoMore,
            Statements::NoMore => {
                return Err(sqlx::Error::Protocol("a second statement in `read_statement`".to_owned()));
            }
        }
        self.state = State::Running;
        if let Some(timeout) = &self.timeout {
            timeout.start_statement();
        }
        self.connection.as_mut().ok_or(sqlx::Error::PoolClosed)
    }

    /// Records the outcome of a statement. `is_broken`: the transaction or the connection may be gone.
    pub(crate) fn finish_statement(&mut self, is_broken: bool) {
        self.state = if is_broken { State::Broken } else { State::Ready };
    }

    /// Commits, by itself or together with others. If it fails, nothing is stored, except with [`DbError::CommitUnknown`].
    pub(crate) async fn commit(mut self) -> Result<(), DbError> {
        match self.membership.take() {
            Some(membership) => self.leave_group(membership).await,
            None => self.end_transaction("COMMIT").await.map_err(DbError::of_commit),
        }
    }

    /// Commits the changes of all who have left theirs.
    pub(crate) async fn commit_group(self, mut members: Members) -> Result<(), DbError> {
        members.mark_commit_started();
        let outcome = self.end_transaction("COMMIT").await.map_err(DbError::of_commit);
        members.notify_members(GroupOutcome::from_commit(&outcome));
        outcome
    }

    /// Rolls back, or closes the connection where its state is not known, which has the same effect. Fails if changes of
    /// others that this transaction has seen were undone as well.
    pub(crate) async fn roll_back(mut self) -> Result<(), DbError> {
        if self.state != State::Ready {
            return if self.sees_uncommitted_changes() { Err(GroupOutcome::undone_error()) } else { Ok(()) };
        }
        match self.membership.take() {
            Some(membership) if !membership.earlier.is_empty() => {
                let undone = match self.run_statement(UNDO).await {
                    Ok(()) => self.leave_group(membership).await,
                    Err(e) => Err(e.into()),
                };
                undone.map_err(|e| match e {
                    DbError::CommitUnknown(_) => e,
                    _ => GroupOutcome::undone_error(),
                })
            }
            membership => {
                if let Err(e) = self.end_transaction("ROLLBACK").await {
                    tracing::debug!(error = %e, "a rollback failed; the connection is closed");
                }
                drop(membership);
                Ok(())
            }
        }
    }

    /// Leaves the open transaction to the next writer, or commits it if there is none, and waits until it is committed.
    async fn leave_group(mut self, membership: Membership) -> Result<(), DbError> {
        let ends_group = membership.ends_group();
        let Membership { queue, mut lock, mut earlier, .. } = membership;
        if ends_group {
            return self.commit_group(earlier).await;
        }
        let is_first = earlier.is_empty();
        self.run_statement(if is_first { BEGIN_SECOND } else { BEGIN_NEXT }).await?;
        let outcome = earlier.add_member();
        if is_first {
            queue.commit_later();
        }
        *lock = Some(OpenGroup { session: self, members: earlier });
        drop(lock);
        outcome.await.unwrap_or(GroupOutcome::Unknown).into_result()
    }

    /// Gives the connection back if the database acknowledges the end of the transaction.
    async fn end_transaction(mut self, statement: &str) -> Result<(), sqlx::Error> {
        self.state = State::Running;
        self.execute_statement(statement.to_owned()).await?;
        drop(self.connection.take());
        Ok(())
    }

    /// Runs a statement for the next writer, who waits for it.
    async fn run_statement(&mut self, statement: &'static str) -> Result<(), sqlx::Error> {
        self.state = State::Running;
        wait_for_statement(self.execute_statement(statement.to_owned()), true).await?;
        self.state = State::Ready;
        Ok(())
    }

    async fn execute_statement(&mut self, statement: String) -> Result<(), sqlx::Error> {
        let statement = sqlx::raw_sql(AssertSqlSafe(statement));
        match &mut self.connection {
            Some(Connection::Sqlite(connection)) => (&mut **connection).execute(statement).await.map(drop),
            Some(Connection::Postgres(connection)) => (&mut **connection).execute(statement).await.map(drop),
            None => Err(sqlx::Error::PoolClosed),
        }
    }
}

impl Backend {
    /// Cancels the running statement and closes the connection.
    async fn end_statement(self, connection: Connection) {
        self.canceller.cancel_statement(self.pid).await;
        connection.close(Handle::try_current().ok().as_ref());
    }
}

impl Connection {
    /// Closes the connection in the background; until then it counts as one of the pool's.
    fn close(mut self, runtime: Option<&Handle>) {
        match (&mut self, runtime) {
            (Self::Sqlite(connection), Some(_)) => connection.close_on_drop(),
            (Self::Postgres(connection), Some(_)) => connection.close_on_drop(),
            (_, None) => self.detach(),
        }
    }

    /// Closes the connection immediately: without a runtime a connection of a pool cannot even be dropped.
    fn detach(self) {
        match self {
            Self::Sqlite(connection) => drop(connection.detach()),
            Self::Postgres(connection) => drop(connection.detach()),
        }
    }
}

impl Drop for Session {
    /// A transaction that nobody ended: a snapshot that was read, or work that was given up.
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else { return };
        let runtime = Handle::try_current().ok();
        match &runtime {
            // There is no transaction to end.
            Some(_) if self.state == State::Ready && !self.has_transaction => drop(connection),
            Some(runtime) if self.state == State::Ready => {
                let mut session = Self::new(connection);
                session.membership = self.membership.take();
                session.in_use = self.in_use.take();
                runtime.spawn(async move {
                    // Only here: a runtime that ends drops this before it has begun, and the connection must be closed then.
                    session.state = State::Ready;
                    // Nobody waits for the outcome.
                    drop(session.roll_back().await);
                });
            }
            runtime => {
                if let Some(timeout) = &self.timeout {
                    timeout.expire();
                }
                match (runtime, self.backend.take()) {
                    (Some(runtime), Some(backend)) if self.state == State::Running => {
                        runtime.spawn(backend.end_statement(connection));
                    }
                    _ => connection.close(runtime.as_ref()),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
