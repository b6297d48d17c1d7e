//! Sends new records to whoever listens, as soon as an event says that there are any.

use std::sync::Arc;
use std::time::Duration;

use service_kit::{Ctx, Worker};

use crate::state::State;
use crate::stream::send_all;

/// While somebody listens, records are looked for this often also without an event: the bus may be slow or down, and the look
/// is one small statement.
const INTERVAL: Duration = Duration::from_millis(200);

pub fn worker(ctx: &Ctx, state: &Arc<State>) -> Worker {
    let (state, stop) = (Arc::clone(state), ctx.stop.clone());
    Worker::new("logbook.live", move || {
        let (state, stop) = (Arc::clone(&state), stop.clone());
        async move {
            while !stop.is_cancelled() {
                if let Err(e) = send_all(&state).await {
                    tracing::warn!(error = %e, "records could not be read for those who listen");
                }
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = state.live.wake.notified() => {}
                    () = tokio::time::sleep(INTERVAL) => {}
                }
            }
        }
    })
}
