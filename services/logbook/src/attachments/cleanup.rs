//! Removes blobs that no attachment has: of writers that were killed or refused between their blob and their row.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use service_kit::{Clock, Ctx, Db, DbError, Lease, Leases, Problem, Worker};

use crate::attachments::GRACE_PERIOD;
use crate::attachments::storage::Storage;
use crate::store::blobs;

/// How often it is checked whether a round is due and nobody else is at it: a holder of the lease that was killed is followed
/// soon.
const CHECK_INTERVAL: Duration = Duration::from_secs(10);
const INTERVAL: Duration = Duration::from_mins(10);
const LEASE: Duration = Duration::from_secs(20);
/// Blobs that are removed between two renewals of the lease.
const BATCH: i64 = 100;

/// Removes unused blobs.
pub struct CleanupWorker {
    pub db: Db,
    pub clock: Arc<dyn Clock>,
    pub leases: Leases,
    pub storage: Storage,
}

impl CleanupWorker {
    pub fn into_worker(self, ctx: &Ctx) -> Worker {
        let (this, due) = (Arc::new(self), Arc::new(AtomicI64::new(i64::MIN)));
        Worker::periodic("logbook.cleanup", CHECK_INTERVAL, &ctx.stop, move || {
            let (this, due) = (Arc::clone(&this), Arc::clone(&due));
            async move {
                let now = this.clock.now_micros();
                if now.as_i64() < due.load(Ordering::Relaxed) {
                    return Ok(());
                }
                let Some(lease) = this.leases.acquire("logbook.cleanup", LEASE).await? else { return Ok(()) };
                this.storage.remove_stale_uploads(this.clock.now()).await?;
                this.remove_unused(&lease).await?;
                due.store((now + INTERVAL).as_i64(), Ordering::Relaxed);
                Ok::<(), Problem>(this.leases.release(&lease).await?)
            }
        })
    }

    /// First the rows go, then what is stored; a round that was killed is continued where it was.
    async fn remove_unused(&self, lease: &Lease) -> Result<(), Problem> {
        let before = self.clock.now_micros() - GRACE_PERIOD;
        let mut removed = 0;
        while self.leases.renew(lease, LEASE).await? {
            let unused = blobs::list_unused_blobs(&mut self.db.read().await?, before, BATCH).await?;
            for sha256 in &unused {
                self.db
                    .write(async |tx| -> Result<(), DbError> { blobs::mark_blob_deleted(tx, sha256, before).await })
                    .await?;
            }
            let pending = blobs::list_pending_deletes(&mut self.db.read().await?, BATCH).await?;
            for key in &pending {
                self.storage.remove(key).await?;
                self.db.write(async |tx| -> Result<(), DbError> { blobs::clear_pending_delete(tx, key).await }).await?;
                removed += 1;
            }
            if pending.is_empty() {
                break;
            }
        }
        if removed > 0 {
            tracing::info!(logbook.removed_blobs = removed, "removed blobs that no attachment has");
        }
        Ok(())
    }
}
