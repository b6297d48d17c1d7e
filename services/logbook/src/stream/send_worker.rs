//! Sends new records to those who listen, as soon as an event says that there are any.

use std::sync::Arc;
use std::time::Duration;

use service_kit::{Ctx, Worker};

use crate::stream::EntryStreams;

/// While somebody listens, records are looked for this often also without an event: the bus may be slow or down, and it takes one
/// small statement.
const INTERVAL: Duration = Duration::from_millis(200);

/// The worker of all streams.
pub fn create_worker(ctx: &Ctx, streams: &Arc<EntryStreams>) -> Worker {
    let (streams, stop) = (Arc::clone(streams), ctx.stop.clone());
    Worker::new("logbook.stream", move || {
        let (streams, stop) = (Arc::clone(&streams), stop.clone());
        async move {
            while !stop.is_cancelled() {
                if let Err(e) = streams.send_new_records().await {
                    tracing::warn!(error = %e, "records could not be read for listeners");
                }
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = streams.wake.notified() => {}
                    () = tokio::time::sleep(INTERVAL) => {}
                }
            }
        }
    })
}
