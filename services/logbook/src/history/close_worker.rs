//! Closes the logbooks of investigations that have been released: their history is signed, and others are told.

use std::sync::Arc;
use std::time::Duration;

use events::messages::logbook::BookClosed;
use service_kit::{Ctx, DbError, Lease, Leases, Problem, Worker};

use crate::catalogue::investigation_assignment;
use crate::domain::logbook::Book;
use crate::history::signature::seal;
use crate::state::State;
use crate::store::logbooks;
use crate::store::logbooks::Act;

const INTERVAL: Duration = Duration::from_mins(5);
const LEASE: Duration = Duration::from_mins(1);
/// Investigations that ICAT is asked about at once.
const PAGE: i64 = 100;
/// Who appears in the record.
const ACTOR: &str = "logbook";

pub fn worker(ctx: &Ctx, state: &Arc<State>) -> Worker {
    let (state, leases) = (Arc::clone(state), ctx.leases.clone());
    Worker::periodic("logbook.close", INTERVAL, &ctx.stop, move || {
        let (state, leases) = (Arc::clone(&state), leases.clone());
        async move {
            // Without the account nobody knows what is released.
            if state.identity.reader().is_none() {
                return Ok(());
            }
            let Some(lease) = leases.acquire("logbook.close", LEASE).await? else { return Ok(()) };
            close_all(&state, &leases, &lease).await?;
            Ok::<(), Problem>(leases.release(&lease).await?)
        }
    })
}

/// One round over the logbooks that are open.
async fn close_all(state: &State, leases: &Leases, lease: &Lease) -> Result<(), Problem> {
    let mut after = 0;
    while leases.renew(lease, LEASE).await? {
        let open = logbooks::not_closed(&mut state.db.read().await?, after, PAGE).await?;
        let Some((last, _)) = open.last() else { return Ok(()) };
        after = *last;
        let investigations: Vec<i64> = open.iter().filter_map(|(_, name)| Book::investigation(name)).collect();
        let released = investigation_assignment::released(state, None, &investigations).await?;
        for (id, name) in open {
            if Book::investigation(&name).is_some_and(|investigation| released.contains(&investigation)) {
                close(state, lease, id, &name).await?;
            }
        }
    }
    Ok(())
}

async fn close(state: &State, lease: &Lease, id: i64, name: &str) -> Result<(), Problem> {
    let pair = state.keys.seals();
    let at = state.clock.now_micros();
    let done = state
        .db
        .write(async |tx| -> Result<bool, DbError> {
            // Whoever waited for ICAT longer than the lease has a successor, who closes.
            if !lease.is_held(tx).await? {
                return Ok(false);
            }
            let sealed = |book: &str, records: i64, head: &str| {
                serde_json::to_string(&seal(pair, book, records, head, at)).unwrap_or_default()
            };
            let record = logbooks::close(tx, id, Act { actor: ACTOR, at }, sealed).await?;
            state.outbox.emit(tx, &BookClosed { book: name.to_owned(), record }).await?;
            Ok(true)
        })
        .await?;
    if done {
        tracing::info!(logbook.book = name, "closed: the investigation is released");
    }
    Ok(())
}
