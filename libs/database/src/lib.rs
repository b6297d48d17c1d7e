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
mod error;
mod files;
pub mod fulltext;
pub mod idempotency;
mod insert;
pub mod leases;
mod micros;
mod migrate;
mod open;
mod row;
mod rowid_tables;
mod session;
mod statement_timeout;
mod tx;
mod val;
mod writability;
mod writer;

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use backon::BackoffBuilder as _;
use sqlx::{PgPool, SqlitePool};

pub use self::bulk::{BulkColumn, BulkRow, BulkText};
use self::canceller::Canceller;
use self::checkpointer::Checkpointer;
pub use self::config::{DatabaseConfig, deserialize_duration};
pub use self::copy::{Copied, CopyState};
pub use self::error::{DbError, format_error_chain};
use self::files::ServerLock;
pub use self::files::create_private_directory;
pub use self::insert::RowInsert;
pub use self::micros::Micros;
pub use self::migrate::{Migrate, Migration};
pub use self::open::Target;
pub use self::row::{Column, FromColumn, Row};
use self::session::Session;
use self::statement_timeout::StatementTimeout;
use self::tx::State;
pub use self::tx::Tx;
pub use self::val::Val;
use self::writability::Writability;
use self::writer::Writer;

/// Which database answers; only for the few statements that differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    Sqlite,
    Postgres,
}

impl Engine {
    /// SQL for the elements of a list of numbers that is bound as one parameter ([`Val::from_ids`]): `id IN {}` works for
    /// lists of any length.
    pub fn id_list(self, parameter: &str) -> String {
        match self {
            Self::Sqlite => format!("(SELECT value FROM json_each({parameter}))"),
            Self::Postgres => format!(
                "(SELECT CAST(value AS BIGINT) FROM json_array_elements_text(CAST({parameter} AS JSON)) AS list(value))"
            ),
        }
    }

    /// The same for a list of texts ([`Val::from_texts`]).
    pub fn text_list(self, parameter: &str) -> String {
        match self {
            Self::Sqlite => format!("(SELECT value FROM json_each({parameter}))"),
            Self::Postgres => {
                format!("(SELECT value FROM json_array_elements_text(CAST({parameter} AS JSON)) AS list(value))")
            }
        }
    }
}

impl Engine {
    /// SQL for the position of one text within another, counted from 1; 0 if it does not occur.
    pub fn position_of(self, text: &str, within: &str) -> String {
        match self {
            Self::Sqlite => format!("INSTR({within}, {text})"),
            Self::Postgres => format!("STRPOS({within}, {text})"),
        }
    }

    /// SQL for the number that a text begins with, as DOUBLE PRECISION; 0 if it begins with none, NULL for NULL. Too large
    /// numbers become the largest, too small ones 0, as in `MariaDB`.
    pub fn number_at_start(self, text: &str) -> String {
        const LARGEST: &str = "1.7976931348623157e308";
        match self {
            Self::Sqlite => format!("MAX(MIN(CAST({text} AS REAL), {LARGEST}), -{LARGEST})"),
            Self::Postgres => {
                // NUMERIC takes four digits of an exponent, and what is below 1e-323 is no DOUBLE PRECISION.
                let number = r"'^\s*[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?0*[0-9]{1,4})?'";
                let number = format!("ROUND(CAST(COALESCE(SUBSTRING({text} FROM {number}), '0') AS NUMERIC), 323)");
                format!(
                    "CASE WHEN {text} IS NULL THEN NULL \
                     ELSE CAST(GREATEST(LEAST({number}, {LARGEST}), -{LARGEST}) AS DOUBLE PRECISION) END"
                )
            }
        }
    }

    /// SQL for a result computed from whole numbers; [`DbError::Data`] if it does not fit into 64 bits, where `SQLite` would
    /// continue with a floating-point number.
    pub fn whole_number(self, computed: &str) -> String {
        match self {
            // `12e0` is JSON, and `1.2e+19e0` is none: the one function that refuses a number for its type.
            Self::Sqlite => format!("CAST(JSON({computed} || 'e0') AS BIGINT)"),
            Self::Postgres => computed.to_owned(),
        }
    }

    /// SQL for a number without its decimals, to be cast to BIGINT; [`DbError::Data`] if it does not fit.
    pub fn truncated_to_whole_number(self, number: &str) -> String {
        match self {
            Self::Sqlite => format!(
                "CASE WHEN {number} >= 9223372036854775808.0 OR {number} < -9223372036854775808.0 \
                 THEN JSON({number} || 'e0') ELSE TRUNC({number}) END"
            ),
            Self::Postgres => format!("TRUNC({number})"),
        }
    }

    /// SQL for a quotient with four decimals, as DOUBLE PRECISION; NULL where the divisor is 0.
    pub fn quotient_to_four_decimals(self, dividend: &str, divisor: &str) -> String {
        match self {
            Self::Sqlite => format!(
                "ROUND(CAST({dividend} AS DOUBLE PRECISION) / NULLIF(CAST({divisor} AS DOUBLE PRECISION), 0), 4)"
            ),
            Self::Postgres => format!(
                "CAST(ROUND(CAST({dividend} AS NUMERIC) / NULLIF(CAST({divisor} AS NUMERIC), 0), 4) AS DOUBLE PRECISION)"
            ),
        }
    }

    /// SQL for whether a row of a full-text index matches a query ([`FulltextQuery::question`](crate::fulltext::FulltextQuery::question));
    /// the index, which a migration made as `{fulltext NAME}`, stands in FROM under its own name.
    pub fn fulltext_condition(self, index: &str, parameter: &str) -> String {
        match self {
            Self::Sqlite => format!("{index} MATCH {parameter}"),
            Self::Postgres => format!("{index}.vector @@ CAST({parameter} AS tsquery)"),
        }
    }

    /// The operators of a full-text query: all words, any word.
    pub(crate) fn boolean_operators(self) -> (&'static str, &'static str) {
        match self {
            Self::Sqlite => (" AND ", " OR "),
            Self::Postgres => (" & ", " | "),
        }
    }

    /// A word of a full-text query, or a prefix if it is open; words consist of letters and digits.
    pub(crate) fn quote_search_word(self, word: &str, is_open: bool) -> String {
        match self {
            Self::Sqlite => format!("\"{word}\"{}", if is_open { "*" } else { "" }),
            Self::Postgres => format!("'{word}'{}", if is_open { ":*" } else { "" }),
        }
    }

    /// The end of a SELECT that locks its rows until the transaction ends. `SQLite` has one writer at a time anyway.
    pub fn for_update_clause(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres => " FOR UPDATE",
        }
    }

    /// Whether write transactions run one after the other.
    pub fn has_one_writer(self) -> bool {
        self == Self::Sqlite
    }

    /// The end of a SELECT that keeps others from changing its rows until the transaction ends, and that is a conflict if they
    /// were changed since the transaction's snapshot. `SQLite` has one writer at a time anyway.
    pub fn for_share_clause(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres => " FOR SHARE",
        }
    }

    /// The placeholder with this number, counted from 1, in a statement that uses each placeholder once and in order. With
    /// numbered placeholders `SQLite` searches all others, which is slow where there are hundreds.
    pub fn parameter_in_order(self, number: usize) -> String {
        match self {
            Self::Sqlite => "?".to_owned(),
            Self::Postgres => format!("${number}"),
        }
    }
}

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
        write: Writer,
        checkpointer: Checkpointer,
        file: Arc<Path>,
        /// Keeps other servers away, if this is one.
        lock: Arc<ServerLock>,
    },
    Postgres {
        pool: PgPool,
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
            Pools::Sqlite { read, .. } => {
                let mut session = Session::begin_sqlite(read, "BEGIN").await?;
                session.limit_statements(StatementTimeout::new(self.read_timeout)).await?;
                session
            }
            Pools::Postgres { pool, canceller } => {
                let begin = format!(
                    "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = {}",
                    self.read_timeout.as_millis()
                );
                Session::begin_postgres(pool, &begin, canceller).await?
            }
        };
        Ok(Tx::new(session, None))
    }

    /// Runs `work` in a write transaction and commits it if it returns `Ok`.
    ///
    /// `work` may run more than once: `PostgreSQL` ends one of two transactions that change the same rows, and the
    /// loser is tried again after a short random pause; one that met a constraint because of rows that its snapshot
    /// does not show is tried once more. It must therefore do nothing but database work. If it returns `Ok` although a
    /// statement failed, the answer is [`DbError::Poisoned`] and nothing is stored.
    pub async fn write<T, E>(&self, work: impl AsyncFnMut(&mut Tx) -> Result<T, E>) -> Result<T, E>
    where
        E: From<DbError>,
    {
        self.write_at("REPEATABLE READ", work).await
    }

    /// The same at READ COMMITTED, for work that begins by locking a row ([`Engine::for_update_clause`]) that all
    /// transactions of its kind lock: on `PostgreSQL` the waiting ones continue when the row is free and see what was
    /// committed meanwhile, instead of starting again.
    pub async fn write_read_committed<T, E>(&self, work: impl AsyncFnMut(&mut Tx) -> Result<T, E>) -> Result<T, E>
    where
        E: From<DbError>,
    {
        self.write_at("READ COMMITTED", work).await
    }

    async fn write_at<T, E>(&self, isolation: &str, mut work: impl AsyncFnMut(&mut Tx) -> Result<T, E>) -> Result<T, E>
    where
        E: From<DbError>,
    {
        let mut pauses = conflict_pauses();
        let mut constrained_before = false;
        let mut locks: Vec<&'static str> = Vec::new();
        loop {
            let mut tx = self.begin_at(isolation).await?;
            let outcome = match tx.lock_tables(&locks).await {
                Ok(()) => work(&mut tx).await,
                Err(e) => Err(e.into()),
            };
            if let Some(table) = tx.wanted_lock() {
                // In the order of names, so that two transactions do not wait for each other.
                locks.push(table);
                locks.sort_unstable();
                tx.roll_back().await;
                continue;
            }
            let conflict = match (outcome, tx.state()) {
                (Ok(value), State::Clean) => match tx.commit().await {
                    Ok(()) => return Ok(value),
                    Err(e @ DbError::Conflict(_)) => E::from(e),
                    Err(e) => return Err(e.into()),
                },
                (Ok(_), State::Failed | State::Constrained) => {
                    tx.roll_back().await;
                    return Err(DbError::Poisoned.into());
                }
                (Ok(_), State::Conflict) => {
                    tx.roll_back().await;
                    E::from(DbError::Poisoned)
                }
                (Err(e), State::Conflict) => {
                    tx.roll_back().await;
                    e
                }
                (Err(_), State::Constrained) if !constrained_before => {
                    constrained_before = true;
                    tx.roll_back().await;
                    continue;
                }
                (Err(e), _) => {
                    tx.roll_back().await;
                    return Err(e);
                }
            };
            match pauses.next() {
                Some(pause) => tokio::time::sleep(pause).await,
                None => return Err(conflict),
            }
        }
    }

    async fn begin(&self) -> Result<Tx, DbError> {
        self.begin_at("REPEATABLE READ").await
    }

    async fn begin_at(&self, isolation: &str) -> Result<Tx, DbError> {
        let begun = match &self.pools {
            Pools::Sqlite { write, .. } => write.begin().await,
            Pools::Postgres { pool, canceller } => {
                let (wait, begin) = (self.lock_timeout.as_millis(), format!("BEGIN ISOLATION LEVEL {isolation}"));
                Session::begin_postgres(pool, &format!("{begin}; SET LOCAL lock_timeout = {wait}"), canceller).await
            }
        };
        let begun = begun.map_err(DbError::from);
        if let Err(e) = &begun {
            self.writability.note_error(e);
        }
        let mut tx = Tx::new(begun?, Some(self.writability.clone()));
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

    /// Connections in use and idle ones, per pool; for metrics.
    pub fn count_connections(&self) -> Vec<(&'static str, usize, usize)> {
        let of = |size: u32, idle: usize| (usize::try_from(size).unwrap_or_default().saturating_sub(idle), idle);
        let pool = |name, (used, idle)| (name, used, idle);
        match &self.pools {
            Pools::Sqlite { read, write, .. } => {
                vec![
                    pool("read", of(read.size(), read.num_idle())),
                    pool("write", of(write.pool.size(), write.pool.num_idle())),
                ]
            }
            Pools::Postgres { pool: all, .. } => vec![pool("all", of(all.size(), all.num_idle()))],
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
            Pools::Postgres { pool, canceller } => {
                canceller.close().await;
                pool.close().await;
            }
        }
    }
}

/// Pauses between attempts of a transaction that lost against another: 1 ms doubling to 100 ms, random, about 4 s in all.
fn conflict_pauses() -> impl Iterator<Item = Duration> {
    backon::ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(1))
        .with_max_delay(Duration::from_millis(100))
        .with_max_times(50)
        .with_jitter()
        .build()
}
