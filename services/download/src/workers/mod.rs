//! What downloads do when nobody asks.

mod orphaned_files;
mod checksums;
mod expiry;
mod reports;

use std::sync::Arc;

use service_kit::{Ctx, Worker};

use crate::state::State;
use crate::transfer::reports::Inbox;

pub fn all(ctx: &Ctx, state: &Arc<State>, inbox: &Inbox) -> Vec<Worker> {
    vec![
        reports::worker(ctx, state, inbox),
        checksums::worker(ctx, state),
        orphaned_files::worker(ctx, state),
        expiry::worker(ctx, state),
    ]
}
