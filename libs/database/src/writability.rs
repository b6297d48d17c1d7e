//! Whether a database can be written, known without writing.
//!
//! Readiness is asked every few seconds, and a write each time would wear the disk. So a write is tried only while
//! there is reason to doubt: the last one failed for want of room or of a working disk or server, or the disk has next
//! to no room left. The first that succeeds, be it the trial, ends the doubt.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use sha2::{Digest as _, Sha256};

use crate::{Db, DbError, Engine, Pools};

/// With less room on the disk, a write is tried.
const SCARCE_BYTES: u64 = 256 << 10;
/// As much as the transactions of services usually write.
const TRIAL_BYTES: usize = 64 << 10;
const TRIAL_NAME: &str = "write-trial";
const WRITE_TRIAL: &str = "INSERT INTO bookmark (name, value, changed_at) VALUES ($1, $2, 0) \
                           ON CONFLICT (name) DO UPDATE SET value = excluded.value";
const REMOVE_TRIAL: &str = "DELETE FROM bookmark WHERE name = $1";
/// A standby, or a server that was told to write nothing.
const IS_READ_ONLY_POSTGRES: &str = "SELECT CASE WHEN pg_is_in_recovery() \
                                     OR current_setting('default_transaction_read_only') = 'on' THEN 1 ELSE 0 END AS n";

/// What the last writes were like. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Writability {
    is_doubtful: Arc<AtomicBool>,
}

impl Writability {
    /// Errors that are not about one statement but would meet others too.
    pub(crate) fn note_error(&self, error: &DbError) {
        if matches!(error, DbError::DiskFull(_) | DbError::Unavailable(_) | DbError::CommitUnknown(_)) {
            self.is_doubtful.store(true, Ordering::Relaxed);
        }
    }

    pub(crate) fn note_outcome<T>(&self, outcome: &Result<T, DbError>) {
        match outcome {
            Ok(_) => self.is_doubtful.store(false, Ordering::Relaxed),
            Err(e) => self.note_error(e),
        }
    }

    fn is_doubtful(&self) -> bool {
        self.is_doubtful.load(Ordering::Relaxed)
    }
}

impl Db {
    /// Whether the database answers and can be written; for readiness. Writes only while there is reason to doubt the
    /// latter.
    pub async fn check_ready(&self) -> Result<(), DbError> {
        let mut tx = self.read().await?;
        let is_read_only = match tx.engine() {
            Engine::Sqlite => tx.fetch_one("SELECT 0 AS n", &[]).await?.get("n")?,
            Engine::Postgres => tx.fetch_one(IS_READ_ONLY_POSTGRES, &[]).await?.get("n")?,
        };
        drop(tx);
        let is_scarce = match &self.pools {
            Pools::Sqlite { file, .. } => is_disk_scarce(file).await,
            Pools::Postgres { .. } => false,
        };
        if is_read_only || is_scarce || self.writability.is_doubtful() { self.try_write().await } else { Ok(()) }
    }

    /// Stores something and removes it again.
    async fn try_write(&self) -> Result<(), DbError> {
        let trial = [TRIAL_NAME.into(), incompressible_text(TRIAL_BYTES).into()];
        self.write(async |tx| tx.execute(WRITE_TRIAL, &trial).await).await?;
        self.write(async |tx| tx.execute(REMOVE_TRIAL, &trial[..1]).await).await.map(drop)
    }
}

/// So much text that `PostgreSQL`, which compresses long values, needs as much room for it.
fn incompressible_text(bytes: usize) -> String {
    let digests = (0_u32..).flat_map(|n| Sha256::digest(n.to_le_bytes()));
    digests.map(|byte| char::from(b'A' + byte % 26)).take(bytes).collect()
}

/// Whether the disk of a file has next to no room. One that does not say counts as roomy: the writes themselves will
/// tell.
async fn is_disk_scarce(file: &Path) -> bool {
    let file = file.to_owned();
    let asked = tokio::task::spawn_blocking(move || rustix::fs::statvfs(&file)).await;
    matches!(asked, Ok(Ok(disk)) if disk.f_bavail.saturating_mul(disk.f_frsize) < SCARCE_BYTES)
}
