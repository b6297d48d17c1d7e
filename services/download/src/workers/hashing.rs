//! Reads the files of prepared selections for their checksums, ahead of those who will ask. One replica does it; another
//! goes on where it stopped.

use std::sync::Arc;
use std::time::Duration;

use service_kit::{Ctx, Lease, Leases, Problem, Worker, problem};
use tokio_util::sync::CancellationToken;

use super::reports::learn;
use crate::manifest::{self, Manifest};
use crate::state::State;
use crate::store;
use crate::transfer;

/// How long another replica waits for one that is gone.
const LEASE: Duration = Duration::from_secs(30);
/// When to look for what other replicas were asked.
const BETWEEN_LOOKS: Duration = Duration::from_secs(5);
/// Checksums stored in one transaction.
const PER_STORE: usize = 500;

#[derive(Clone)]
struct Hashing {
    state: Arc<State>,
    leases: Leases,
    stop: CancellationToken,
}

pub fn worker(ctx: &Ctx, state: &Arc<State>) -> Worker {
    let hashing = Hashing { state: Arc::clone(state), leases: ctx.leases.clone(), stop: ctx.stop.clone() };
    Worker::new("download.hashing", move || hashing.clone().run())
}

impl Hashing {
    async fn run(self) {
        loop {
            if let Err(e) = self.work().await {
                tracing::error!(error = problem::format_error_chain(&e), "reading files for their checksums failed");
            }
            tokio::select! {
                () = self.stop.cancelled() => return,
                () = self.state.hashing.notified() => {}
                () = tokio::time::sleep(BETWEEN_LOOKS) => {}
            }
        }
    }

    /// Everything that is asked for.
    async fn work(&self) -> Result<(), Problem> {
        if self.next().await?.is_none() {
            return Ok(());
        }
        let Some(lease) = self.leases.acquire("download.hashing", LEASE).await? else { return Ok(()) };
        while let Some(id) = self.next().await? {
            let done = match manifest::load(&self.state, id).await? {
                Some(manifest) => match self.read(&lease, &manifest).await {
                    Ok(done) => done,
                    // A file that changed or cannot be read: whoever downloads it is told.
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
            if !done {
                return Ok(());
            }
            self.state.db.write(async |tx| store::hashing::done(tx, id).await).await?;
        }
        Ok(self.leases.release(&lease).await?)
    }

    async fn next(&self) -> Result<Option<i64>, Problem> {
        Ok(store::hashing::next(&mut self.state.db.read().await?).await?)
    }

    /// Whether it came to the end, and was not stopped.
    async fn read(&self, lease: &Lease, manifest: &Arc<Manifest>) -> Result<bool, Problem> {
        let storage = self.state.storage()?.clone();
        let mut renewed = tokio::time::Instant::now();
        for member in 0..manifest.members().len() {
            if manifest.crcs.get(member).is_some() {
                continue;
            }
            if renewed.elapsed() > LEASE / 3 {
                renewed = tokio::time::Instant::now();
                if !self.leases.renew(lease, LEASE).await? {
                    return Ok(false);
                }
            }
            let go_on = async || {
                // A file may take longer than the lease.
                Ok(!self.stop.is_cancelled() && self.leases.renew(lease, LEASE).await?)
            };
            if !transfer::hash(&self.state, &storage, manifest, member, go_on).await? {
                self.store(manifest, 0).await?;
                return Ok(false);
            }
            self.store(manifest, PER_STORE).await?;
        }
        self.store(manifest, 0).await?;
        Ok(true)
    }

    /// Stores what was learned, once it is more than `most`.
    async fn store(&self, manifest: &Manifest, most: usize) -> Result<(), Problem> {
        if manifest.crcs.fresh_count() <= most {
            return Ok(());
        }
        let learned = manifest.crcs.take_fresh();
        Ok(self.state.db.write(async |tx| learn(&self.state, tx, manifest, &learned).await).await?)
    }
}
