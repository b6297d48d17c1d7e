//! What downloads do when nobody asks.

mod claims;
mod hashing;
mod purge;
mod reports;

use std::sync::Arc;

use service_kit::{Ctx, Worker};

use crate::state::State;
use crate::transfer::reports::Inbox;

pub fn all(ctx: &Ctx, state: &Arc<State>, inbox: &Inbox) -> Vec<Worker> {
    vec![
        reports::worker(ctx, state, inbox),
        hashing::worker(ctx, state),
        claims::worker(ctx, state),
        purge::worker(ctx, state),
    ]
}
