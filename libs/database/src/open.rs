//! Opening a database, and refusing one that would lose acknowledged writes.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr as _;
use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, PgPool, Row as _};

use crate::canceller::{Canceller, PROCESS_ID};
use crate::checkpointer::{Checkpointer, MAX_WAIT_FOR_READERS};
use crate::files::{self, ServerLock};
use crate::session::UseCount;
use crate::writability::Writability;
use crate::writer::Writer;
use crate::{DatabaseConfig, Db, DbError, Pools, format_error_chain};

/// How long a request may wait for a connection of the pool.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(30);

/// Rows that the thread of a `SQLite` connection may read ahead. If it has to wait for whoever takes the rows, there is a change
/// of threads for each of them.
const ROWS_AHEAD: usize = 512;

/// Where a service keeps its rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A `SQLite` file; its directory must exist.
    Sqlite(PathBuf),
    /// A schema of a `PostgreSQL` database, created if it is missing.
    Postgres { url: String, schema: String },
}

impl Target {
    /// The database of one service: `database.url`, or `<data_dir>/<service>.db` if none is set.
    pub fn from_config(config: &DatabaseConfig, data_dir: &Path, service: &str) -> Result<Self, DbError> {
        match config.url.as_deref() {
            None | Some("" | "sqlite") => Ok(Self::Sqlite(data_dir.join(format!("{service}.db")))),
            Some(url) if url.starts_with("postgres://") || url.starts_with("postgresql://") => {
                Ok(Self::Postgres { url: url.to_owned(), schema: service.to_owned() })
            }
            Some(_) => Err(DbError::Setup(
                "database.url must be `sqlite` (files under data_dir) or a postgres:// address".to_owned(),
            )),
        }
    }

    /// Whether the file or the schema exists; creates neither.
    pub async fn exists(&self) -> Result<bool, DbError> {
        match self {
            Self::Sqlite(file) => Ok(file.is_file()),
            Self::Postgres { url, schema } => {
                let mut connection = PgConnection::connect_with(&postgres_options(url, schema)?)
                    .await
                    .map_err(|e| server_unreachable(&e))?;
                let found = find_schema(&mut connection, schema).await?;
                connection.close().await?;
                Ok(found)
            }
        }
    }
}

impl fmt::Display for Target {
    /// Without passwords.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(file) => file.display().fmt(f),
            Self::Postgres { schema, .. } => write!(f, "PostgreSQL schema {schema}"),
        }
    }
}

impl Db {
    fn new(pools: Pools, config: &DatabaseConfig) -> Self {
        Self {
            pools,
            read_timeout: config.read_timeout,
            lock_timeout: config.lock_timeout,
            writability: Writability::default(),
        }
    }

    /// Opens a database that others may have open.
    pub async fn open(target: &Target, config: &DatabaseConfig) -> Result<Self, DbError> {
        match target {
            Target::Sqlite(file) => open_sqlite(file, config, ServerLock::default()).await,
            Target::Postgres { url, schema } => open_postgres(url, schema, config).await,
        }
    }

    /// Opens a database for a server. A `SQLite` file can have one server: a lock file ensures this until
    /// [`close`](Self::close) or until the process ends in any way. Commands that [`open`](Self::open) the file can read and
    /// write meanwhile. `PostgreSQL` can have any number of servers.
    pub async fn open_for_server(target: &Target, config: &DatabaseConfig) -> Result<Self, DbError> {
        match target {
            Target::Sqlite(file) => {
                let lock = ServerLock::acquire(file)?;
                files::warn_if_readable_by_others(file);
                open_sqlite(file, config, lock).await
            }
            Target::Postgres { url, schema } => open_postgres(url, schema, config).await,
        }
    }

    /// The same `SQLite` database with a writer of its own that does not enforce foreign keys, for migrations that rebuild
    /// tables; [`close_writer`](Self::close_writer) ends it.
    pub(crate) async fn without_foreign_keys(&self) -> Result<Self, DbError> {
        let mut other = self.clone();
        if let Pools::Sqlite { write, file, .. } = &mut other.pools {
            let options = sqlite_options(file, self.lock_timeout).foreign_keys(false);
            *write = Writer::connect(&options, self.lock_timeout).await?;
        }
        Ok(other)
    }

    /// Closes the connection that writes.
    pub(crate) async fn close_writer(&self) {
        if let Pools::Sqlite { write, .. } = &self.pools {
            write.pool.close().await;
        }
    }
}

async fn open_sqlite(file: &Path, config: &DatabaseConfig, lock: ServerLock) -> Result<Db, DbError> {
    files::create_private_file(file).map_err(|e| DbError::Setup(format!("cannot create {}: {e}", file.display())))?;
    let options = sqlite_options(file, config.lock_timeout);
    let failed = |e: sqlx::Error| match DbError::from(e) {
        DbError::DiskFull(e) => DbError::Setup(format!("cannot open {}: {e}; free space on its disk", file.display())),
        e => DbError::Setup(format!("cannot open {}: {}", file.display(), format_error_chain(&e))),
    };
    let write = Writer::connect(&options, config.lock_timeout).await.map_err(failed)?;
    let pool = sqlite_pool_options;
    let checkpointer = pool()
        .max_connections(1)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .connect_lazy_with(options.clone().busy_timeout(MAX_WAIT_FOR_READERS).pragma("query_only", "ON"));
    let read = pool()
        .max_connections(config.max_connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .connect_with(options.pragma("query_only", "ON"))
        .await
        .map_err(failed)?;
    let checkpointer = Checkpointer { pool: checkpointer, written: Arc::default() };
    let pools = Pools::Sqlite {
        read,
        reads: UseCount::default(),
        write,
        checkpointer,
        file: file.into(),
        lock: Arc::new(lock),
    };
    Ok(Db::new(pools, config))
}

fn sqlite_options(file: &Path, lock_timeout: Duration) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(lock_timeout)
        .statement_cache_capacity(200)
        .row_buffer_size(ROWS_AHEAD)
        .pragma("case_sensitive_like", "ON")
}

/// There is no server that could have gone away since a connection was given back.
pub(crate) fn sqlite_pool_options() -> SqlitePoolOptions {
    SqlitePoolOptions::new().test_before_acquire(false)
}

fn postgres_options(url: &str, schema: &str) -> Result<PgConnectOptions, DbError> {
    // The error of a bad address may repeat it, and with it the password.
    let options = PgConnectOptions::from_str(url)
        .map_err(|_| DbError::Setup("database.url is not a valid postgres:// address".to_owned()))?;
    Ok(options
        .application_name(&format!("undulator-{schema}"))
        // Compiling a query of the catalogue to machine code takes longer than running it: 734 of 765 ms for a count.
        .options([("search_path", schema), ("jit", "off")])
        // A host that vanished must not keep its rows until the server's own two hours are over.
        .options([("tcp_keepalives_idle", "30"), ("tcp_keepalives_interval", "10"), ("tcp_keepalives_count", "6")]))
}

fn server_unreachable(e: &sqlx::Error) -> DbError {
    DbError::Setup(format!("cannot reach the PostgreSQL server: {e}"))
}

async fn open_postgres(url: &str, schema: &str, config: &DatabaseConfig) -> Result<Db, DbError> {
    let options = postgres_options(url, schema)?;
    // One connection by itself first: the pool would wait out its time and then not say why.
    PgConnection::connect_with(&options).await.map_err(|e| server_unreachable(&e))?.close().await?;
    let pool = PgPoolOptions::new()
        .max_connections(config.max_connections)
        .max_lifetime(config.max_lifetime)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        // Each transaction finds out by its first statements.
        .test_before_acquire(false)
        .after_connect(|connection, _| Box::pin(prepare_connection(connection)))
        .connect_with(options.clone())
        .await
        .map_err(|e| server_unreachable(&e))?;
    refuse_lossy(&pool).await?;
    create_schema(&pool, schema).await?;
    Ok(Db::new(Pools::Postgres { canceller: Canceller::new(options), pool, uses: UseCount::default() }, config))
}

async fn prepare_connection(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let keep_process_id = format!("SELECT set_config('{PROCESS_ID}', CAST(pg_backend_pid() AS TEXT), false)");
    sqlx::raw_sql(AssertSqlSafe(keep_process_id)).execute(&mut *connection).await?;
    notice_lost_clients(connection).await
}

/// A statement whose process is gone ends soon and releases its locks; a process that gives one up cancels it by itself
/// ([`Canceller`]). Servers on other systems than Linux refuse the setting; there such statements run to their end.
async fn notice_lost_clients(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    match sqlx::raw_sql("SET client_connection_check_interval = '2s'").execute(connection).await {
        Err(sqlx::Error::Database(_)) | Ok(_) => Ok(()),
        Err(e) => Err(e),
    }
}

/// Refuses a server that acknowledges before it flushes: a response 200 means that the change is on disk.
async fn refuse_lossy(pool: &PgPool) -> Result<(), DbError> {
    for setting in ["fsync", "synchronous_commit"] {
        let row = sqlx::query("SELECT current_setting($1) AS value").bind(setting).fetch_one(pool).await?;
        let value: String = row.try_get("value")?;
        if value == "off" {
            return Err(DbError::Setup(format!(
                "the PostgreSQL server has {setting} = off and would lose acknowledged writes in a crash; \
                 set {setting} = on"
            )));
        }
    }
    Ok(())
}

async fn find_schema(connection: &mut PgConnection, schema: &str) -> Result<bool, DbError> {
    let found = sqlx::query("SELECT 1 FROM information_schema.schemata WHERE schema_name = $1").bind(schema);
    Ok(found.fetch_optional(connection).await?.is_some())
}

/// Schema names are the suite's own service names, never input.
async fn create_schema(pool: &PgPool, schema: &str) -> Result<(), DbError> {
    let mut connection = pool.acquire().await?;
    if !find_schema(&mut connection, schema).await? {
        let create = format!("CREATE SCHEMA IF NOT EXISTS \"{schema}\"");
        // IF NOT EXISTS does not see a schema that another replica is creating at this moment: then it is there by now.
        let created = sqlx::query(AssertSqlSafe(create)).execute(&mut *connection).await.map_err(DbError::from);
        if let Err(e) = created
            && !find_schema(&mut connection, schema).await?
        {
            return Err(e);
        }
    }
    Ok(())
}
