//! What `SQLite` would do within somebody's commit, done beside the writers: left to itself it moves the log into the file
//! when the log is full, two flushes and a thousand pages for whoever writes then; and an index of words merges its parts,
//! hundreds of pages at a time.

use std::sync::Arc;
use std::time::Duration;

use sqlx::{Row as _, SqlitePool};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::{Db, DbError, Pools, format_error_chain};

/// Pages of the log that are moved together; as many as `SQLite` would.
const PAGES: i64 = 1000;
/// From so many pages (64 MiB) on writers wait once, until the log is empty and begins anew; without a lull it never would.
const LONGEST: i64 = 16 * 1024;
/// What the writer's own connection lets the log grow to, where nobody moves it: in commands.
pub(crate) const PAGES_WITHOUT_HELP: i64 = LONGEST + 4 * PAGES;
/// How long writers are held up at most while old readers leave.
pub(crate) const PATIENCE: Duration = Duration::from_millis(100);
const PAUSE: Duration = Duration::from_millis(50);
/// Pages of an index of words that one step merges; writers take their turns between the steps.
const MERGED_PAGES: i64 = 16;
const INDEXES: &str = "SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE '%USING fts5%' ESCAPE '!'";

/// A connection of its own for checkpoints, and when there is something to do.
#[derive(Clone)]
pub(crate) struct Checkpointer {
    pub pool: SqlitePool,
    pub written: Arc<Notify>,
}

impl Db {
    /// Looks after the file whenever something has been written, until `stop`. With `PostgreSQL` there is nothing to do.
    pub async fn run_checkpointer(&self, stop: &CancellationToken) {
        let Pools::Sqlite { checkpointer, .. } = &self.pools else { return stop.cancelled().await };
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = checkpointer.written.notified() => {}
            }
            let done = async {
                for index in checkpointer.list_fulltext_indexes().await? {
                    while !stop.is_cancelled() && self.merge_index_step(&index).await? {}
                }
                checkpointer.run_checkpoint().await
            };
            if let Err(e) = done.await {
                // The next write brings the next try.
                tracing::warn!(error = format_error_chain(&e), "the checkpointer of the database failed");
            }
            let _stopped = tokio::time::timeout(PAUSE, stop.cancelled()).await;
        }
    }

    /// Whether there was something to merge. Not a write that [`Checkpointer::written`] tells of, or it would never end.
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
            tx.roll_back().await;
        }
        Ok(merged)
    }
}

impl Checkpointer {
    /// Names of the indexes of words.
    async fn list_fulltext_indexes(&self) -> Result<Vec<String>, DbError> {
        Ok(sqlx::query_scalar(INDEXES).fetch_all(&self.pool).await?)
    }

    async fn run_checkpoint(&self) -> Result<(), DbError> {
        let (written, moved) = self.count_pages_after("PRAGMA wal_checkpoint(NOOP)").await?;
        if written - moved < PAGES {
            return Ok(());
        }
        let (written, _) = self.count_pages_after("PRAGMA wal_checkpoint(PASSIVE)").await?;
        if written >= LONGEST {
            self.count_pages_after("PRAGMA wal_checkpoint(RESTART)").await?;
        }
        Ok(())
    }

    /// Pages in the log, and those of them that are in the file.
    async fn count_pages_after(&self, checkpoint: &'static str) -> Result<(i64, i64), DbError> {
        let row = sqlx::query(checkpoint).fetch_one(&self.pool).await?;
        Ok((row.try_get(1)?, row.try_get(2)?))
    }
}
