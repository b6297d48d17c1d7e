//! The connection that writes to a `SQLite` file.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sqlx::SqlitePool;
use sqlx::sqlite::SqliteConnectOptions;

use crate::checkpointer::PAGES_WITHOUT_HELP;
use crate::open::sqlite_pool_options;
use crate::session::Session;
use crate::statement_timeout::StatementTimeout;

/// A pool of one connection, so that writers queue here and not in busy loops. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Writer {
    pub pool: SqlitePool,
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
        Ok(Self { pool, interrupt })
    }

    /// Begins a transaction whose statements are interrupted when nobody waits for them any more.
    pub(crate) async fn begin(&self) -> Result<Session, sqlx::Error> {
        let mut session = Session::begin_sqlite(&self.pool, "BEGIN IMMEDIATE").await?;
        session.set_timeout(self.interrupt.lock().unwrap_or_else(PoisonError::into_inner).clone());
        Ok(session)
    }
}
