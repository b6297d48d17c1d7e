//! One SQL dialect for two engines: `SQLite` for one process, `PostgreSQL` for several.
//!
//! A service reads with [`Db::read`] and writes only through [`Db::write`]; both take portable SQL with `$1`
//! placeholders and [`Val`]s, so that each parameter has one type on both engines. An acknowledged write is on disk:
//! `SQLite` runs in WAL mode with `synchronous=FULL`, and a `PostgreSQL` that does not flush is refused.

mod bulk;
mod canceller;
mod checkpointer;
mod config;
mod copy;
mod engine;
mod error;
mod files;
pub mod fulltext;
pub mod idempotency;
mod insert;
pub mod leases;
mod load;
mod micros;
mod migrate;
mod open;
mod row;
mod row_values;
mod rowid_tables;
mod session;
mod statement_timeout;
mod statement_waiting;
mod tx;
mod update;
mod val;
mod writability;
mod write_group;
mod write_options;
mod writer;

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use backon::BackoffBuilder as _;
use sqlx::{PgPool, SqlitePool};

pub use self::bulk::{BulkColumn, BulkRow, BulkText};
use self::canceller::Canceller;
use self::checkpointer::Checkpointer;
pub use self::config::{DatabaseConfig, deserialize_duration};
pub use self::copy::{Copied, CopyState};
pub use self::engine::Engine;
pub use self::error::{DbError, format_error_chain};
use self::files::ServerLock;
pub use self::files::create_private_directory;
pub use self::insert::RowInsert;
pub use self::micros::Micros;
pub use self::migrate::{Migrate, Migration};
pub use self::open::Target;
pub use self::row::{Column, FromColumn, Row};
use self::session::{Session, UseCount};
use self::statement_timeout::StatementTimeout;
use self::tx::State;
pub use self::tx::Tx;
pub use self::update::RowUpdate;
pub use self::val::Val;
use self::writability::Writability;
use self::write_options::Begin;
pub use self::write_options::{Isolation, WriteOptions};
use self::writer::Writer;

/// A service's own database: its `SQLite` file, or its schema in `PostgreSQL`. Cheap to clone.
#[derive(Clone)]
pub struct Db {
    pools: Pools,
    /// How long one statement may read.
    read_timeout: Duration,
    /// How long a write transaction waits for what others hold.
    lock_timeout: Duration,
    writability: Writability,
}

#[derive(Clone)]
enum Pools {
    /// One connection writes; readers see snapshots.
    Sqlite {
        read: SqlitePool,
        reads: UseCount,
        write: Writer,
        checkpointer: Checkpointer,
        file: Arc<Path>,
        /// Keeps other servers away, if this is one.
        lock: Arc<ServerLock>,
    },
    Postgres {
        pool: PgPool,
        uses: UseCount,
        canceller: Canceller,
    },
}

impl fmt::Debug for Db {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Db({:?})", self.engine())
    }
}

impl Db {
    pub fn engine(&self) -> Engine {
        match self.pools {
            Pools::Sqlite { .. } => Engine::Sqlite,
            Pools::Postgres { .. } => Engine::Postgres,
        }
    }

    /// Opens a read-only snapshot: all its statements see the same state, and none of them can write. A statement that takes
    /// longer than `database.read_timeout` fails with [`DbError::TooSlow`].
    pub async fn read(&self) -> Result<Tx, DbError> {
        let session = match &self.pools {
            Pools::Sqlite { read, reads, .. } => {
                let mut session = Session::begin_sqlite(read, "BEGIN").await?;
                session.count_in(reads);
                session.limit_statements(StatementTimeout::new(self.read_timeout)).await?;
                session
            }
            Pools::Postgres { pool, uses, canceller } => {
                let begin = format!(
                    "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = {}",
                    self.read_timeout.as_millis()
                );
                let mut session = Session::begin_postgres(pool, &begin, MAX_WAIT_FOR_BEGIN, canceller).await?;
                session.count_in(uses);
                session
            }
        };
        Ok(Tx::new(session, None))
    }

    /// The same for one statement; a second one fails. On `SQLite`, one statement needs no transaction, and so one trip to the
    /// thread of the connection instead of three.
    pub async fn read_statement(&self) -> Result<Tx, DbError> {
        let Pools::Sqlite { read, reads, .. } = &self.pools else {
            let mut tx = self.read().await?;
            tx.limit_to_one_statement();
            return Ok(tx);
        };
        let mut session = Session::open_sqlite_statement(read).await?;
        session.count_in(reads);
        session.limit_statements(StatementTimeout::new(self.read_timeout)).await?;
        session.limit_to_one_statement();
        Ok(Tx::new(session, None))
    }

    /// Runs `work` in a write transaction and commits it if it returns `Ok`.
    ///
    /// `work` may run more than once: `PostgreSQL` ends one of two transactions that change the same rows, and the
    /// loser is tried again after a short random pause; one that met a constraint because of rows that its snapshot
    /// does not show is tried once more. On `SQLite`, transactions that share a commit are tried again if it fails or one of
    /// them breaks the connection. It must therefore do nothing but database work. If it returns `Ok` although a
    /// statement failed, the answer is [`DbError::Poisoned`] and nothing is stored.
    pub async fn write<T, E>(&self, work: impl AsyncFnMut(&mut Tx) -> Result<T, E>) -> Result<T, E>
    where
        E: From<DbError>,
    {
        self.write_with(WriteOptions::default(), work).await
    }

    /// The same at READ COMMITTED, for work that begins by locking a row ([`Engine::for_update_clause`]) that all
    /// transactions of its kind lock: on `PostgreSQL` the waiting ones continue when the row is free and see what was
    /// committed meanwhile, instead of starting again.
    pub async fn write_read_committed<T, E>(&self, work: impl AsyncFnMut(&mut Tx) -> Result<T, E>) -> Result<T, E>
    where
        E: From<DbError>,
    {
        self.write_with(WriteOptions { isolation: Isolation::ReadCommitted, ..WriteOptions::default() }, work).await
    }

    /// The same with other options.
    pub async fn write_with<T, E>(
        &self,
        options: WriteOptions,
        mut work: impl AsyncFnMut(&mut Tx) -> Result<T, E>,
    ) -> Result<T, E>
    where
        E: From<DbError>,
    {
        let started = Instant::now();
        let mut begin = Begin { options, locked_tables: Vec::new() };
        let mut pauses = conflict_pauses();
        let mut constrained_before = false;
        loop {
            let mut tx = match self.begin_with(&begin).await {
                // Others go on meanwhile.
                Err(e) if begin.can_be_repeated_after(&e) && started.elapsed() < self.lock_timeout => {
                    tokio::time::sleep(pauses.next().unwrap_or(MAX_PAUSE)).await;
                    continue;
                }
                begun => begun?,
            };
            let outcome = work(&mut tx).await;
            if let Some(table) = tx.wanted_lock() {
                begin.locked_tables.push(table);
                tx.roll_back().await?;
                continue;
            }
            let state = tx.state();
            let (failure, retry) = match outcome {
                Ok(value) if state == State::Clean => match tx.commit().await {
                    Ok(()) => return Ok(value),
                    Err(e @ DbError::Conflict(_)) => {
                        begin.options.is_alone = true;
                        (e.into(), Retry::Later)
                    }
                    Err(e) => return Err(e.into()),
                },
                outcome => {
                    let is_refused = outcome.is_err();
                    let failure = outcome.err().unwrap_or_else(|| DbError::Poisoned.into());
                    let retry = match (tx.roll_back().await, state) {
                        (Err(DbError::Conflict(_)), _) => {
                            begin.options.is_alone = true;
                            Retry::Later
                        }
                        (Err(e), _) => return Err(e.into()),
                        (_, State::Conflict) => Retry::Later,
                        (_, State::Constrained) if is_refused && !constrained_before => {
                            constrained_before = true;
                            Retry::AtOnce
                        }
                        _ => Retry::Never,
                    };
                    (failure, retry)
                }
            };
            match retry {
                Retry::Never => return Err(failure),
                Retry::AtOnce => {}
                Retry::Later => match pauses.next() {
                    Some(pause) => tokio::time::sleep(pause).await,
                    None => return Err(failure),
                },
            }
        }
    }

    /// Begins a transaction that is committed by itself.
    async fn begin(&self) -> Result<Tx, DbError> {
        let options = WriteOptions { is_alone: true, ..WriteOptions::default() };
        self.begin_with(&Begin { options, locked_tables: Vec::new() }).await
    }

    async fn begin_with(&self, begin: &Begin) -> Result<Tx, DbError> {
        let begun = match &self.pools {
            Pools::Sqlite { write, .. } => write.begin(begin.options.is_alone).await,
            Pools::Postgres { pool, uses, canceller } => {
                let script = begin.postgres_script(self.lock_timeout);
                Session::begin_postgres(pool, &script, MAX_WAIT_FOR_BEGIN + self.lock_timeout, canceller).await.map(
                    |mut session| {
                        session.count_in(uses);
                        session
                    },
                )
            }
        };
        let begun = begun.map_err(DbError::from);
        if let Err(e) = &begun {
            self.writability.note_error(e);
        }
        let locked = begin.locked_tables.clone();
        let mut tx = Tx::with_locked_tables(begun?, Some(self.writability.clone()), locked);
        if let Pools::Sqlite { checkpointer, .. } = &self.pools {
            tx.notify_on_commit(&checkpointer.written);
        }
        Ok(tx)
    }

    /// Parses and plans each statement on this engine without running it; for tests. The error names the first that fails.
    pub async fn prepare_all(&self, statements: &[&str]) -> Result<(), DbError> {
        for sql in statements {
            let prepared = self.read().await?.prepare_statement(sql).await;
            if let Err(e) = prepared {
                return Err(DbError::Setup(format!("{sql}: {}", format_error_chain(&e))));
            }
        }
        Ok(())
    }

    /// Connections in use and idle ones, per pool; for metrics. Those in use are counted here: what a pool of sqlx 0.9 says of
    /// its size and its idle connections does not fit together for a moment.
    pub fn count_connections(&self) -> Vec<(&'static str, usize, usize)> {
        match &self.pools {
            Pools::Sqlite { read, reads, write, .. } => {
                vec![("read", reads.get(), read.num_idle()), ("write", write.uses.get(), write.pool.num_idle())]
            }
            Pools::Postgres { pool, uses, .. } => vec![("all", uses.get(), pool.num_idle())],
        }
    }

    /// Closes all connections, so that files can be removed and other servers can start.
    pub async fn close(&self) {
        match &self.pools {
            Pools::Sqlite { read, write, checkpointer, lock, .. } => {
                checkpointer.pool.close().await;
                read.close().await;
                write.pool.close().await;
                lock.release();
            }
            Pools::Postgres { pool, canceller, .. } => {
                canceller.close().await;
                pool.close().await;
            }
        }
    }
}

/// A connection that does not answer BEGIN for so long is lost; locks are waited for besides.
const MAX_WAIT_FOR_BEGIN: Duration = Duration::from_secs(10);

/// Whether a transaction that was not stored is run again.
enum Retry {
    Never,
    AtOnce,
    Later,
}

/// The longest pause between attempts of a transaction.
const MAX_PAUSE: Duration = Duration::from_millis(100);

/// Pauses between attempts of a transaction that lost against another: 1 ms doubling to 100 ms, random, about 4 s in all.
fn conflict_pauses() -> impl Iterator<Item = Duration> {
    backon::ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(1))
        .with_max_delay(MAX_PAUSE)
        .with_max_times(50)
        .with_jitter()
        .build()
}
