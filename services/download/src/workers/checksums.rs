//! Computes the checksums of prepared selections before somebody downloads them. One replica does it; another one
//! continues where it stopped.

use std::sync::Arc;
use std::time::Duration;

use service_kit::{Ctx, Db, Lease, Leases, Problem, Worker, problem};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::manifest::{Manifest, Manifests};
use crate::storage::Storage;
use crate::store;
use crate::transfer::Transfers;

/// How long another replica waits for one that has disappeared.
const LEASE: Duration = Duration::from_secs(30);
/// How often the queue is read for entries of other replicas.
const POLL_INTERVAL: Duration = Duration::from_secs(5);
/// Checksums stored in one transaction.
const CHECKSUMS_PER_TRANSACTION: usize = 500;

#[derive(Clone)]
struct ChecksumWorker {
    db: Db,
    storage: Option<Storage>,
    manifests: Arc<Manifests>,
    transfers: Arc<Transfers>,
    checksums_wanted: Arc<Notify>,
    leases: Leases,
    stop: CancellationToken,
}

pub fn build_worker(
    ctx: &Ctx,
    storage: Option<Storage>,
    manifests: Arc<Manifests>,
    transfers: Arc<Transfers>,
    checksums_wanted: Arc<Notify>,
) -> Worker {
    let worker = ChecksumWorker {
        db: ctx.db.clone(),
        storage,
        manifests,
        transfers,
        checksums_wanted,
        leases: ctx.leases.clone(),
        stop: ctx.stop.clone(),
    };
    Worker::new("download.checksums", move || worker.clone().run())
}

impl ChecksumWorker {
    async fn run(self) {
        loop {
            if let Err(e) = self.process_queue().await {
                tracing::error!(
                    error = problem::format_error_chain(&e),
                    "cannot compute the checksums of prepared selections"
                );
            }
            tokio::select! {
                () = self.stop.cancelled() => return,
                () = self.checksums_wanted.notified() => {}
                () = tokio::time::sleep(POLL_INTERVAL) => {}
            }
        }
    }

    async fn process_queue(&self) -> Result<(), Problem> {
        if self.get_next_manifest().await?.is_none() {
            return Ok(());
        }
        let Some(lease) = self.leases.acquire("download.checksums", LEASE).await? else { return Ok(()) };
        while let Some(id) = self.get_next_manifest().await? {
            let is_done = match self.manifests.load_manifest(id).await? {
                Some(manifest) => match self.compute_checksums(&lease, &manifest).await {
                    Ok(is_done) => is_done,
                    // A file that changed or cannot be read: its download answers with the error.
                    Err(e) => {
                        tracing::warn!(
                            error = problem::format_error_chain(&e),
                            "the checksums of a selection cannot be computed"
                        );
                        true
                    }
                },
                None => true,
            };
            if !is_done {
                return Ok(());
            }
            self.db.write(async |tx| store::checksum_jobs::dequeue_manifest(tx, id).await).await?;
        }
        Ok(self.leases.release(&lease).await?)
    }

    async fn get_next_manifest(&self) -> Result<Option<i64>, Problem> {
        Ok(store::checksum_jobs::get_next_manifest(&mut self.db.read().await?).await?)
    }

    /// False if it was stopped, or lost its lease.
    async fn compute_checksums(&self, lease: &Lease, manifest: &Arc<Manifest>) -> Result<bool, Problem> {
        let storage = self.storage.as_ref().ok_or_else(crate::error::no_storage)?;
        let mut renewed = tokio::time::Instant::now();
        for member in 0..manifest.members().len() {
            if manifest.checksums.get(member).is_some() {
                continue;
            }
            if renewed.elapsed() > LEASE / 3 {
                renewed = tokio::time::Instant::now();
                if !self.leases.renew(lease, LEASE).await? {
                    return Ok(false);
                }
            }
            let may_continue = async || {
                // One file may take longer than the lease.
                Ok(!self.stop.is_cancelled() && self.leases.renew(lease, LEASE).await?)
            };
            if !self.transfers.compute_checksum(storage, manifest, member, may_continue).await? {
                self.store_checksums(manifest, 0).await?;
                return Ok(false);
            }
            self.store_checksums(manifest, CHECKSUMS_PER_TRANSACTION).await?;
        }
        self.store_checksums(manifest, 0).await?;
        Ok(true)
    }

    /// Stores the recorded checksums if they are more than `threshold`.
    async fn store_checksums(&self, manifest: &Manifest, threshold: usize) -> Result<(), Problem> {
        if manifest.checksums.unsaved_count() <= threshold {
            return Ok(());
        }
        let recorded = manifest.checksums.take_unsaved();
        Ok(self.db.write(async |tx| self.manifests.store_checksums(tx, manifest, &recorded).await).await?)
    }
}
