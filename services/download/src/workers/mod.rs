//! Background jobs of downloads.

mod checksums;
mod expiry;
mod orphaned_files;
mod reports;

use events::Outbox;
use service_kit::{Ctx, Worker};

use crate::state::State;
use crate::transfer::reports::ReportInbox;

pub fn build_workers(ctx: &Ctx, outbox: Outbox, state: &State, inbox: &ReportInbox) -> Vec<Worker> {
    vec![
        reports::build_worker(ctx, outbox, state, inbox),
        checksums::build_worker(ctx, state),
        orphaned_files::build_worker(ctx, &state.orphaned_files),
        expiry::build_worker(ctx),
    ]
}
