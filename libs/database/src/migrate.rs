//! Forward-only migrations, run at start under a lock.
//!
//! The text is portable but for placeholders: `{text}` is a text column whose order is that of its bytes, `{blob}` a
//! column of bytes, `id {primary_key}` an id that is the row id on `SQLite`, `{clustered}` after the parentheses of a table stores
//! its rows in the order of the primary key where the engine can, `{fulltext NAME};` makes a full-text index (see
//! [`fulltext`](crate::fulltext)) with the columns `rowid` and `tokens`. `{rowid_tables};` rebuilds the tables of `SQLite` that
//! earlier migrations made with `id BIGINT PRIMARY KEY`.

use std::time::Duration;

use serde::Deserialize;

use crate::rowid_tables::{PLACEHOLDER, render_rebuild, require_foreign_keys};
use crate::{Db, DbError, Engine, Micros, Tx};

/// One step of a service's schema. Steps are never edited once released.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    /// Rising from 1.
    pub version: i64,
    pub name: &'static str,
    pub sql: &'static str,
}

impl Migration {
    fn rebuilds_tables(&self) -> bool {
        self.sql.contains(PLACEHOLDER)
    }
}

/// Tables of every service; versions below zero, rising in their amount.
const BASE: &[Migration] = &[Migration { version: -1, name: "base", sql: include_str!("../migrations/base_1.sql") }];

/// What happens at start when the schema is behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Migrate {
    /// Bring it up to date.
    #[default]
    Auto,
    /// Refuse to start.
    Check,
    /// Trust the operator.
    Never,
}

const BOOKKEEPING_SQLITE: &str = "
CREATE TABLE IF NOT EXISTS migration (
    version BIGINT PRIMARY KEY, name TEXT NOT NULL, applied_at BIGINT NOT NULL);
CREATE TABLE IF NOT EXISTS id_sequence (next BIGINT NOT NULL);
INSERT INTO id_sequence (next) SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM id_sequence);";
const BOOKKEEPING_POSTGRES: &str = "
CREATE TABLE IF NOT EXISTS migration (
    version BIGINT PRIMARY KEY, name TEXT NOT NULL, applied_at BIGINT NOT NULL);
CREATE SEQUENCE IF NOT EXISTS id_sequence;";
/// Released with the transaction; serialises replicas that start together.
const LOCK_POSTGRES: &str = "SELECT pg_advisory_xact_lock(hashtext(current_schema() || '.migration'))";
const APPLIED: &str = "SELECT version, name FROM migration ORDER BY version";
const RECORD: &str = "INSERT INTO migration (version, name, applied_at) VALUES ($1, $2, $3)";

impl Db {
    /// Applies what is missing (or, for [`Migrate::Check`], says what is missing) and returns how many steps ran.
    pub async fn migrate(&self, migrations: &[Migration], mode: Migrate, now: Micros) -> Result<usize, DbError> {
        if mode == Migrate::Never {
            return Ok(0);
        }
        if mode == Migrate::Check {
            return self.check_migrated(migrations).await.map(|()| 0);
        }
        if self.engine() == Engine::Sqlite && self.has_pending_rebuild(migrations).await? {
            // Tables can be rebuilt only while references between them are not enforced, and this cannot change within a
            // transaction.
            let unenforced = self.without_foreign_keys().await?;
            let done = unenforced.run_pending(migrations, now).await;
            unenforced.close_writer().await;
            return done;
        }
        self.run_pending(migrations, now).await
    }

    async fn run_pending(&self, migrations: &[Migration], now: Micros) -> Result<usize, DbError> {
        // A replica that waited for the lock must see what the one before it has done.
        self.write_read_committed(async |tx| {
            tx.create_bookkeeping_tables(self.lock_timeout).await?;
            let pending = find_pending_migrations(tx, migrations).await?;
            tx.run_migrations(&pending, now).await?;
            Ok(pending.len())
        })
        .await
    }

    async fn has_pending_rebuild(&self, migrations: &[Migration]) -> Result<bool, DbError> {
        if !migrations.iter().any(Migration::rebuilds_tables) {
            return Ok(false);
        }
        let pending = self.list_pending(migrations).await?;
        Ok(pending.iter().any(|migration| migration.rebuilds_tables()))
    }

    /// The steps not yet applied, which are all if nothing has ever run here.
    async fn list_pending<'m>(&self, migrations: &'m [Migration]) -> Result<Vec<&'m Migration>, DbError> {
        match find_pending_migrations(&mut self.read().await?, migrations).await {
            Ok(pending) => Ok(pending),
            Err(e @ DbError::Setup(_)) => Err(e),
            Err(_) => Ok(BASE.iter().chain(migrations).collect()),
        }
    }

    /// The SQL that [`Migrate::Auto`] would run on this database, for reading before an upgrade.
    pub async fn migration_plan(&self, migrations: &[Migration]) -> Result<Vec<(String, String)>, DbError> {
        let mut steps = Vec::new();
        for migration in self.list_pending(migrations).await? {
            let mut sql = render_for_engine(migration.sql, self.engine());
            if migration.rebuilds_tables() {
                sql = sql.replace(PLACEHOLDER, &render_rebuild(&mut self.read().await?).await?);
            }
            steps.push((format!("{} {}", migration.version, migration.name), sql));
        }
        Ok(steps)
    }

    async fn check_migrated(&self, migrations: &[Migration]) -> Result<(), DbError> {
        let mut tx = self.read().await?;
        let pending = find_pending_migrations(&mut tx, migrations).await.map_err(|e| match e {
            DbError::Setup(_) => e,
            _ => DbError::Setup("the database has no schema yet; run `undulator migrate`".to_owned()),
        })?;
        match pending.first() {
            None => Ok(()),
            Some(first) => Err(DbError::Setup(format!(
                "the database lacks migrations ({}; the first is {} {}); run `undulator migrate`",
                pending.len(),
                first.version,
                first.name
            ))),
        }
    }
}

/// The steps not yet applied; an error if the database is ahead of this program or has another history.
async fn find_pending_migrations<'m>(tx: &mut Tx, migrations: &'m [Migration]) -> Result<Vec<&'m Migration>, DbError> {
    let mut missing: Vec<&Migration> = BASE.iter().chain(migrations).collect();
    for row in tx.fetch_all(APPLIED, &[]).await? {
        let (version, name): (i64, String) = (row.get("version")?, row.get("name")?);
        match missing.iter().position(|m| m.version == version) {
            // Those of this crate are known by their number: earlier databases have another name for the first.
            Some(place) if missing[place].name == name || version < 0 => drop(missing.remove(place)),
            _ => {
                return Err(DbError::Setup(format!(
                    "the database has migration {version} {name}, which this version does not know; \
                     run the version that made it, or a newer one"
                )));
            }
        }
    }
    Ok(missing)
}

/// Fills the placeholders for one engine.
fn render_for_engine(sql: &str, engine: Engine) -> String {
    let placeholders = match engine {
        Engine::Sqlite => [
            ("{text}", "TEXT"),
            ("{blob}", "BLOB"),
            ("{primary_key}", "INTEGER PRIMARY KEY"),
            ("{clustered}", " WITHOUT ROWID"),
        ],
        Engine::Postgres => [
            ("{text}", "TEXT COLLATE \"C\""),
            ("{blob}", "BYTEA"),
            ("{primary_key}", "BIGINT PRIMARY KEY"),
            ("{clustered}", ""),
        ],
    };
    let sql = placeholders.iter().fold(sql.to_owned(), |sql, (placeholder, text)| sql.replace(placeholder, text));
    render_fulltext_indexes(&sql, engine)
}

/// The engine keeps words as they are given and in no order: what a word is, and what stands beside what, is decided in
/// [`words`](crate::fulltext). `SQLite`'s parts are merged by the checkpointer of the database.
fn render_fulltext_indexes(sql: &str, engine: Engine) -> String {
    let Some((before, rest)) = sql.split_once("{fulltext ") else { return sql.to_owned() };
    let (name, after) = rest.split_once('}').unwrap_or((rest, ""));
    let index = match engine {
        Engine::Sqlite => {
            format!(
                "CREATE VIRTUAL TABLE {name} USING fts5 (tokens, detail = none, prefix = '1 2', tokenize = 'ascii');\n\
                 INSERT INTO {name} ({name}, rank) VALUES ('automerge', 0)"
            )
        }
        Engine::Postgres => format!(
            "CREATE TABLE {name} (rowid BIGINT PRIMARY KEY, tokens TEXT COLLATE \"C\" NOT NULL, \
             vector tsvector NOT NULL GENERATED ALWAYS AS (CAST(tokens AS tsvector)) STORED);\n\
             ALTER TABLE {name} ALTER COLUMN vector SET STATISTICS 1000;\n\
             CREATE INDEX {name}_vector ON {name} USING gin (vector)"
        ),
    };
    format!("{before}{index}{}", render_fulltext_indexes(after, engine))
}

impl Tx {
    /// For a database that is new and nobody else's.
    pub(crate) async fn run_all_migrations(&mut self, migrations: &[Migration]) -> Result<(), DbError> {
        self.execute_script(BOOKKEEPING_SQLITE).await?;
        self.run_migrations(&BASE.iter().chain(migrations).collect::<Vec<_>>(), Micros::default()).await
    }

    async fn run_migrations(&mut self, migrations: &[&Migration], now: Micros) -> Result<(), DbError> {
        for migration in migrations {
            let mut sql = render_for_engine(migration.sql, self.engine());
            if migration.rebuilds_tables() {
                sql = sql.replace(PLACEHOLDER, &render_rebuild(self).await?);
            }
            self.execute_script(&sql).await?;
            if migration.rebuilds_tables() {
                require_foreign_keys(self).await?;
            }
            let record = [migration.version.into(), migration.name.into(), now.into()];
            self.execute(RECORD, &record).await?;
        }
        Ok(())
    }

    /// Waits as long as another replica migrates, and for other locks as long as every transaction does.
    async fn create_bookkeeping_tables(&mut self, lock_timeout: Duration) -> Result<(), DbError> {
        match self.engine() {
            Engine::Sqlite => self.execute_script(BOOKKEEPING_SQLITE).await,
            Engine::Postgres => {
                self.execute_script("SET LOCAL lock_timeout = 0").await?;
                self.fetch_one(LOCK_POSTGRES, &[]).await?;
                self.execute_script(&format!("SET LOCAL lock_timeout = {}", lock_timeout.as_millis())).await?;
                self.execute_script(BOOKKEEPING_POSTGRES).await
            }
        }
    }
}
