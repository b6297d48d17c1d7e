//! Checks files that may have no datafile, once nobody is expected to finish their upload or deletion.

use std::sync::Arc;
use std::time::Duration;

use service_kit::{Ctx, Problem, Worker};

use crate::orphaned_files::OrphanedFiles;

const INTERVAL: Duration = Duration::from_secs(10);
const LEASE: Duration = Duration::from_mins(1);

pub fn build_worker(ctx: &Ctx, orphaned_files: Arc<OrphanedFiles>) -> Worker {
    let leases = ctx.leases.clone();
    Worker::periodic("download.orphaned_files", INTERVAL, &ctx.stop, move || {
        let (orphaned_files, leases) = (Arc::clone(&orphaned_files), leases.clone());
        async move {
            let due = orphaned_files.list_due_files().await?;
            if due.is_empty() {
                return Ok::<_, Problem>(());
            }
            let Some(lease) = leases.acquire("download.orphaned_files", LEASE).await? else { return Ok(()) };
            orphaned_files.check_files(&due).await;
            Ok(leases.release(&lease).await?)
        }
    })
}
