//! Cancels statements of `PostgreSQL` that nobody waits for any more. sqlx cannot send a cancel request (0.9), and a server
//! does not notice that a connection was closed while it computes.

use std::time::Duration;

use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use crate::format_error_chain;

/// The setting in which each connection keeps the number of its server process. A transaction reads it with SHOW, because SELECT
/// would take the snapshot before the transaction has locked anything.
pub(crate) const PROCESS_ID: &str = "undulator.process_id";
/// How long a cancellation may wait for its connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long its connection stays open without use.
const IDLE_TIMEOUT: Duration = Duration::from_mins(1);

/// A connection of its own, because those of the pool may all be busy with such statements. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Canceller(PgPool);

impl Canceller {
    /// Connects when it is needed.
    pub(crate) fn new(options: PgConnectOptions) -> Self {
        let pool = PgPoolOptions::new()
            .max_connections(1)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .idle_timeout(IDLE_TIMEOUT)
            .connect_lazy_with(options);
        Self(pool)
    }

    /// Cancels what the server process `pid` is computing. The connection to that process must still be open, so that the
    /// number belongs to no other.
    pub(crate) async fn cancel_statement(&self, pid: i32) {
        if let Err(e) = sqlx::query("SELECT pg_cancel_backend($1)").bind(pid).execute(&self.0).await {
            tracing::debug!(
                error = format_error_chain(&e),
                "a statement could not be cancelled; it ends when its connection is closed"
            );
        }
    }

    pub(crate) async fn close(&self) {
        self.0.close().await;
    }
}
