//! Takes contents away that no attachment has: of writers that were killed or refused between their file and their row.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use service_kit::{Ctx, DbError, Lease, Leases, Problem, Worker};

use crate::attachments::GRACE;
use crate::state::State;
use crate::store::blobs;

/// How often it is looked whether a round is due and nobody else is at it: a holder of the lease that was killed is followed
/// soon.
const LOOK: Duration = Duration::from_secs(10);
const INTERVAL: Duration = Duration::from_mins(10);
const LEASE: Duration = Duration::from_secs(20);
/// Contents that are taken away between two looks at the lease.
const BATCH: i64 = 100;

pub fn worker(ctx: &Ctx, state: &Arc<State>) -> Worker {
    let (state, leases, due) = (Arc::clone(state), ctx.leases.clone(), Arc::new(AtomicI64::new(i64::MIN)));
    Worker::periodic("logbook.sweep", LOOK, &ctx.stop, move || {
        let (state, leases, due) = (Arc::clone(&state), leases.clone(), Arc::clone(&due));
        async move {
            let now = state.clock.now_micros();
            if now < due.load(Ordering::Relaxed) {
                return Ok(());
            }
            let Some(lease) = leases.acquire("logbook.sweep", LEASE).await? else { return Ok(()) };
            state.attachments.tidy(state.clock.now()).await?;
            sweep(&state, &leases, &lease).await?;
            due.store(now.saturating_add(micros(INTERVAL)), Ordering::Relaxed);
            Ok::<(), Problem>(leases.release(&lease).await?)
        }
    })
}

/// First the rows go, then what is stored; a round that was killed is gone on with where it was.
async fn sweep(state: &State, leases: &Leases, lease: &Lease) -> Result<(), Problem> {
    let before = state.clock.now_micros() - micros(GRACE);
    let mut removed = 0;
    while leases.renew(lease, LEASE).await? {
        let unused = blobs::unused(&mut state.db.read().await?, before, BATCH).await?;
        for sha256 in &unused {
            state.db.write(async |tx| -> Result<(), DbError> { blobs::doom(tx, sha256, before).await }).await?;
        }
        let doomed = blobs::doomed(&mut state.db.read().await?, BATCH).await?;
        for key in &doomed {
            state.attachments.remove(key).await?;
            state.db.write(async |tx| -> Result<(), DbError> { blobs::forget(tx, key).await }).await?;
            removed += 1;
        }
        if doomed.is_empty() {
            break;
        }
    }
    if removed > 0 {
        tracing::info!(logbook.removed_contents = removed, "contents that no entry has were removed");
    }
    Ok(())
}

fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}
