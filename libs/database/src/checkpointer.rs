//! Checkpoints of `SQLite`, beside the writers. By itself `SQLite` moves the write-ahead log into the file within the commit of
//! whoever writes when the log is full: two flushes and a thousand pages. And a full-text index merges its parts within
//! commits too, hundreds of pages at a time. The statistics of tables are updated here as well.

use std::sync::Arc;
use std::time::Duration;

use sqlx::{Row as _, SqlitePool};
use tokio::sync::Notify;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::{Db, DbError, Engine, Pools, format_error_chain};

/// Pages of the log that are moved together; the default of `SQLite`.
const PAGES: i64 = 1000;
/// With this many pages (64 MiB) writers wait once until the log is empty and restarts; without a pause it never would.
const MAX_LOG_PAGES: i64 = 16 * 1024;
/// How far the log grows where no checkpointer runs, in commands.
pub(crate) const PAGES_WITHOUT_HELP: i64 = MAX_LOG_PAGES + 4 * PAGES;
/// How long writers wait at most for readers of old snapshots.
pub(crate) const MAX_WAIT_FOR_READERS: Duration = Duration::from_millis(100);
const PAUSE: Duration = Duration::from_millis(50);
/// Pages of a full-text index that one step merges; writers continue between the steps.
const MERGED_PAGES: i64 = 16;
/// How often the statistics of tables are checked.
const STATISTICS_INTERVAL: Duration = Duration::from_hours(1);
/// Analyses those tables that have no statistics or have grown tenfold since, by samples of their indexes: all tables, not only
/// those that this connection has read.
const UPDATE_STATISTICS: &str = "PRAGMA optimize = 0x10012";
const INDEXES: &str = "SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE '%USING fts5%' ESCAPE '!'";

/// The connection for checkpoints, and the signal that something was written.
#[derive(Clone)]
pub(crate) struct Checkpointer {
    pub pool: SqlitePool,
    pub written: Arc<Notify>,
}

impl Db {
    /// Merges full-text indexes and moves the log whenever something was written, until `stop` is cancelled. Does nothing on
    /// `PostgreSQL`.
    pub async fn run_checkpointer(&self, stop: &CancellationToken) {
        let Pools::Sqlite { checkpointer, .. } = &self.pools else { return stop.cancelled().await };
        let mut statistics = tokio::time::interval(STATISTICS_INTERVAL);
        statistics.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = statistics.tick() => {
                    if let Err(e) = self.update_statistics().await {
                        tracing::warn!(error = format_error_chain(&e), "the statistics of tables were not updated");
                    }
                    continue;
                }
                () = checkpointer.written.notified() => {}
            }
            let done = async {
                for index in checkpointer.list_fulltext_indexes().await? {
                    while !stop.is_cancelled() && self.merge_index_step(&index).await? {}
                }
                checkpointer.run_checkpoint().await
            };
            if let Err(e) = done.await {
                // The next write causes the next attempt.
                tracing::warn!(error = format_error_chain(&e), "the checkpointer of the database failed");
            }
            let _stopped = tokio::time::timeout(PAUSE, stop.cancelled()).await;
        }
    }

    /// Updates the statistics with which `SQLite` plans statements, where tables have changed much. `PostgreSQL` does this by
    /// itself.
    pub async fn update_statistics(&self) -> Result<(), DbError> {
        if self.engine() == Engine::Postgres {
            return Ok(());
        }
        let mut tx = self.begin().await?;
        tx.fetch_all(UPDATE_STATISTICS, &[]).await?;
        tx.commit().await
    }

    /// Merges a few pages; whether there was something to merge. It does not signal [`Checkpointer::written`], or it would never
    /// end.
    async fn merge_index_step(&self, index: &str) -> Result<bool, DbError> {
        let mut tx = self.begin().await?;
        let merge = format!("INSERT INTO {index} ({index}, rank) VALUES ('merge', {MERGED_PAGES})");
        let before: i64 = tx.fetch_one("SELECT total_changes() AS n", &[]).await?.get("n")?;
        tx.execute(&merge, &[]).await?;
        let after: i64 = tx.fetch_one("SELECT total_changes() AS n", &[]).await?.get("n")?;
        // The command itself counts as one change.
        let merged = after - before > 1;
        if merged {
            tx.commit().await?;
        } else {
            tx.roll_back().await?;
        }
        Ok(merged)
    }
}

impl Checkpointer {
    /// Names of the full-text indexes.
    async fn list_fulltext_indexes(&self) -> Result<Vec<String>, DbError> {
        Ok(sqlx::query_scalar(INDEXES).fetch_all(&self.pool).await?)
    }

    async fn run_checkpoint(&self) -> Result<(), DbError> {
        let (written, moved) = self.count_pages_after("PRAGMA wal_checkpoint(NOOP)").await?;
        if written - moved < PAGES {
            return Ok(());
        }
        let (written, _) = self.count_pages_after("PRAGMA wal_checkpoint(PASSIVE)").await?;
        if written >= MAX_LOG_PAGES {
            self.count_pages_after("PRAGMA wal_checkpoint(RESTART)").await?;
        }
        Ok(())
    }

    /// Runs a checkpoint; the pages in the log, and how many of them are in the file.
    async fn count_pages_after(&self, checkpoint: &'static str) -> Result<(i64, i64), DbError> {
        let row = sqlx::query(checkpoint).fetch_one(&self.pool).await?;
        Ok((row.try_get(1)?, row.try_get(2)?))
    }
}
