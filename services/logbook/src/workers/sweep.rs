//! Removes bytes that no attachment has: of writers that were killed or refused between their file and their row.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use service_kit::{Ctx, Lease, Leases, Problem, Worker};

use crate::attachments::{Fate, directories};
use crate::state::State;
use crate::store::attachments::used;

/// How often it is looked whether a round is due and nobody else is at it: a holder of the lease that was killed is followed
/// soon.
const LOOK: Duration = Duration::from_secs(10);
const INTERVAL: Duration = Duration::from_mins(10);
const LEASE: Duration = Duration::from_secs(20);
/// Files that are looked up together; they must be done with well within the lease.
const BATCH: usize = 100;

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
            sweep(&state, &leases, &lease).await?;
            due.store(now.saturating_add(i64::try_from(INTERVAL.as_micros()).unwrap_or(i64::MAX)), Ordering::Relaxed);
            Ok::<(), Problem>(leases.release(&lease).await?)
        }
    })
}

/// One round over all files, while the lease is held.
async fn sweep(state: &State, leases: &Leases, lease: &Lease) -> Result<(), Problem> {
    let store = &state.attachments;
    store.tidy(state.clock.now()).await?;
    let mut removed = 0;
    for directory in directories() {
        if !leases.renew(lease, LEASE).await? {
            return Ok(());
        }
        let old = store.unused_for_long(directory, state.clock.now()).await?;
        for batch in old.chunks(BATCH) {
            if !leases.renew(lease, LEASE).await? {
                return Ok(());
            }
            let known = used(&mut state.db.read().await?, batch).await?;
            let unknown: Vec<String> = batch.iter().filter(|sha256| !known.contains(*sha256)).cloned().collect();
            if unknown.is_empty() {
                continue;
            }
            let aside = store.set_aside(unknown, state.clock.now()).await?;
            // Now that writers cannot find them, nobody begins to refer to them any more.
            let known = used(&mut state.db.read().await?, &aside).await?;
            let fate = |sha256: &String| if known.contains(sha256) { Fate::BringBack } else { Fate::Remove };
            removed += aside.len() - known.len();
            store.decide(aside.iter().map(|sha256| (sha256.clone(), fate(sha256))).collect()).await?;
        }
    }
    if removed > 0 {
        tracing::info!(logbook.removed_files = removed, "removed attachments' bytes that no entry has");
    }
    Ok(())
}
