//! Forgets what has expired. An expired selection is still told to be one for a while, and a list of files that nobody
//! has used for a while is made anew when somebody asks.

use std::sync::Arc;
use std::time::Duration;

use service_kit::{Ctx, DbError, Worker};

use crate::state::State;
use crate::store;

const INTERVAL: Duration = Duration::from_hours(1);
const EXPIRED_KEPT_MICROS: i64 = 30 * 24 * 3600 * 1_000_000;
const UNUSED_KEPT_MICROS: i64 = 7 * 24 * 3600 * 1_000_000;

pub fn worker(ctx: &Ctx, state: &Arc<State>) -> Worker {
    let state = Arc::clone(state);
    Worker::periodic("download.purge", INTERVAL, &ctx.stop, move || {
        let state = Arc::clone(&state);
        async move {
            let now = state.clock.now_micros();
            let purged = state.db.write(async |tx| -> Result<_, DbError> {
                store::missing_files::purge(tx, now - EXPIRED_KEPT_MICROS).await?;
                let selections = store::prepared_selections::purge(tx, now - EXPIRED_KEPT_MICROS).await?;
                let manifests = store::manifests::purge(tx, now - UNUSED_KEPT_MICROS).await?;
                Ok((selections, manifests))
            });
            let (selections, manifests) = purged.await?;
            if selections + manifests > 0 {
                tracing::info!(selections, manifests, "forgot what has expired");
            }
            Ok::<_, DbError>(())
        }
    })
}
