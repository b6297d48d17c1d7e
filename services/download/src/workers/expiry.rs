//! Deletes expired selections and unused manifests. An expired selection is kept for a while, so that a download answers
//! that it has expired; an unused manifest is created anew when somebody asks for its files.

use std::sync::Arc;
use std::time::Duration;

use service_kit::{Ctx, DbError, Worker};

use crate::store;

const INTERVAL: Duration = Duration::from_hours(1);
const KEEP_EXPIRED: Duration = Duration::from_hours(30 * 24);
const KEEP_UNUSED: Duration = Duration::from_hours(7 * 24);

pub fn build_worker(ctx: &Ctx) -> Worker {
    let (db, clock) = (ctx.db.clone(), Arc::clone(&ctx.clock));
    Worker::periodic("download.expiry", INTERVAL, &ctx.stop, move || {
        let (db, clock) = (db.clone(), Arc::clone(&clock));
        async move {
            let now = clock.now_micros();
            let deleted = db.write(async |tx| -> Result<_, DbError> {
                store::missing_files::delete_expired(tx, now - KEEP_EXPIRED).await?;
                let selections = store::prepared_selections::delete_expired(tx, now - KEEP_EXPIRED).await?;
                let manifests = store::manifests::delete_unused_manifests(tx, now - KEEP_UNUSED).await?;
                Ok((selections, manifests))
            });
            let (selections, manifests) = deleted.await?;
            if selections + manifests > 0 {
                tracing::info!(selections, manifests, "deleted expired selections and unused manifests");
            }
            Ok::<_, DbError>(())
        }
    })
}
