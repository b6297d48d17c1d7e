//! Looks at files that may have no datafile, once it is clear that nobody is coming back to them.

use std::sync::Arc;
use std::time::Duration;

use service_kit::{Ctx, Problem, Worker};

use crate::orphaned_files::settle;
use crate::state::State;
use crate::store;

const INTERVAL: Duration = Duration::from_secs(10);
const LEASE: Duration = Duration::from_mins(1);

pub fn worker(ctx: &Ctx, state: &Arc<State>) -> Worker {
    let (state, leases) = (Arc::clone(state), ctx.leases.clone());
    Worker::periodic("download.claims", INTERVAL, &ctx.stop, move || {
        let (state, leases) = (Arc::clone(&state), leases.clone());
        async move {
            let due = store::orphan_checks::due(&mut state.db.read().await?, state.clock.now_micros()).await?;
            if due.is_empty() {
                return Ok::<_, Problem>(());
            }
            let Some(lease) = leases.acquire("download.claims", LEASE).await? else { return Ok(()) };
            settle(&state, &due).await;
            Ok(leases.release(&lease).await?)
        }
    })
}
