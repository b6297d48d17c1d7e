//! The connection that writes to a `SQLite` file, and those who want it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sqlx::SqlitePool;
use sqlx::sqlite::SqliteConnectOptions;

use crate::checkpointer::PAGES_WITHOUT_HELP;
use crate::open::sqlite_pool_options;
use crate::session::{Session, UseCount};
use crate::statement_timeout::StatementTimeout;
use crate::write_group::WriteQueue;

/// A pool of one connection, for whoever has the right to write. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Writer {
    pub pool: SqlitePool,
    queue: WriteQueue,
    pub uses: UseCount,
    lock_timeout: Duration,
    /// What interrupts the statements of the present connection.
    interrupt: Arc<Mutex<StatementTimeout>>,
}

impl Writer {
    pub(crate) async fn connect(options: &SqliteConnectOptions, lock_timeout: Duration) -> Result<Self, sqlx::Error> {
        let interrupt = Arc::new(Mutex::new(StatementTimeout::unlimited()));
        let present = Arc::clone(&interrupt);
        let pool = sqlite_pool_options()
            .max_connections(1)
            .acquire_timeout(lock_timeout)
            .after_connect(move |connection, _| {
                let present = Arc::clone(&present);
                Box::pin(async move {
                    let timeout = StatementTimeout::unlimited();
                    timeout.watch_connection(connection).await?;
                    *present.lock().unwrap_or_else(PoisonError::into_inner) = timeout;
                    Ok(())
                })
            })
            .connect_with(options.clone().pragma("wal_autocheckpoint", PAGES_WITHOUT_HELP.to_string()))
            .await?;
        Ok(Self { pool, queue: WriteQueue::default(), uses: UseCount::default(), lock_timeout, interrupt })
    }

    /// Begins a transaction whose statements are interrupted when nobody waits for them any more. `is_alone`: it is
    /// not committed together with others.
    pub(crate) async fn begin(&self, is_alone: bool) -> Result<Session, sqlx::Error> {
        let waiting = async {
            if is_alone { self.queue.lock_writer_after_commit().await } else { self.queue.lock_writer().await }
        };
        let lock = tokio::time::timeout(self.lock_timeout, waiting).await.map_err(|_| sqlx::Error::PoolTimedOut)?;
        let mut session = Session::begin_sqlite_write(&self.pool, &self.queue, lock, is_alone).await?;
        session.count_in(&self.uses);
        session.set_timeout(self.interrupt.lock().unwrap_or_else(PoisonError::into_inner).clone());
        Ok(session)
    }
}
