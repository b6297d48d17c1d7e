//! The timeout of statements on `SQLite`: the engine checks it between steps and interrupts the statement when it has passed,
//! or when nobody waits for it any more.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use sqlx::SqliteConnection;

/// The end of the statement that runs on a connection. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct StatementTimeout {
    began: Instant,
    limit: Duration,
    /// Milliseconds after `began`.
    end: Arc<AtomicU64>,
}

impl StatementTimeout {
    /// Steps of the engine between two checks; some milliseconds.
    const STEPS_BETWEEN_CHECKS: i32 = 100_000;

    pub fn new(limit: Duration) -> Self {
        let timeout = Self { began: Instant::now(), limit, end: Arc::default() };
        timeout.start_statement();
        timeout
    }

    /// For statements that may take as long as somebody waits for them.
    pub fn unlimited() -> Self {
        Self::new(Duration::MAX)
    }

    /// Makes a connection check this timeout.
    pub async fn watch_connection(&self, connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        let watched = self.clone();
        connection
            .lock_handle()
            .await?
            .set_progress_handler(Self::STEPS_BETWEEN_CHECKS, move || watched.has_time_left());
        Ok(())
    }

    /// Restarts the time for the next statement.
    pub fn start_statement(&self) {
        self.end.store(to_millis(self.began.elapsed().saturating_add(self.limit)), Ordering::Relaxed);
    }

    /// Makes the running statement end: nobody waits for it any more.
    pub fn expire(&self) {
        self.end.store(0, Ordering::Relaxed);
    }

    /// Whether the statement may go on.
    fn has_time_left(&self) -> bool {
        to_millis(self.began.elapsed()) < self.end.load(Ordering::Relaxed)
    }
}

fn to_millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
