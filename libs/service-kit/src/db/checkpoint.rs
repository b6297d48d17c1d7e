//! Checkpoints of `SQLite`, beside the writer: left to itself it moves the log into the file within the commit that fills
//! the log, and whoever writes meanwhile waits for two flushes and a thousand pages.

use std::sync::Arc;
use std::time::Duration;

use sqlx::{Row as _, SqlitePool};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{Db, DbError, Pools};
use crate::problem::chain;

/// Pages of the log that are moved together; as many as `SQLite` would.
const PAGES: i64 = 1000;
/// From so many pages (64 MiB) on writers wait once, until the log is empty and begins anew; without a lull it never would.
const LONGEST: i64 = 16 * 1024;
/// What the writer's own connection lets the log grow to, where nobody moves it: in commands.
pub(super) const PAGES_WITHOUT_HELP: i64 = LONGEST + 4 * PAGES;
/// How long writers are held up at most while old readers leave.
pub(super) const PATIENCE: Duration = Duration::from_millis(100);
const PAUSE: Duration = Duration::from_millis(50);

/// A connection of its own for checkpoints, and when there is something to do.
#[derive(Clone)]
pub(super) struct Upkeep {
    pub pool: SqlitePool,
    pub written: Arc<Notify>,
}

impl Db {
    /// Moves the log into the file whenever enough has been written, until `stop`. With `PostgreSQL` there is nothing to do.
    pub(crate) async fn keep_log_short(&self, stop: &CancellationToken) {
        let Pools::Sqlite { upkeep, .. } = &self.pools else { return stop.cancelled().await };
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = upkeep.written.notified() => {}
            }
            if let Err(e) = upkeep.checkpoint().await {
                // The writer's connection does it then, later.
                tracing::warn!(error = chain(&e), "a checkpoint failed");
            }
            let _stopped = tokio::time::timeout(PAUSE, stop.cancelled()).await;
        }
    }
}

impl Upkeep {
    async fn checkpoint(&self) -> Result<(), DbError> {
        let (written, moved) = self.ask("PRAGMA wal_checkpoint(NOOP)").await?;
        if written - moved < PAGES {
            return Ok(());
        }
        let (written, _) = self.ask("PRAGMA wal_checkpoint(PASSIVE)").await?;
        if written >= LONGEST {
            self.ask("PRAGMA wal_checkpoint(RESTART)").await?;
        }
        Ok(())
    }

    /// Pages in the log, and those of them that are in the file.
    async fn ask(&self, checkpoint: &'static str) -> Result<(i64, i64), DbError> {
        let row = sqlx::query(checkpoint).fetch_one(&self.pool).await?;
        Ok((row.try_get(1)?, row.try_get(2)?))
    }
}
