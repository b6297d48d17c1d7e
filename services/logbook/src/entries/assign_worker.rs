//! Binds entries of programs whose investigation was not known when they were written.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use service_kit::{Ctx, Problem, Worker};

use crate::catalogue::investigation_assignment::{Bound, chosen, slots};
use crate::domain::logbook::Book;
use crate::domain::visit::Slot;
use crate::state::State;
use crate::{entries, store};

const INTERVAL: Duration = Duration::from_secs(30);
const PAGE: i64 = 500;
/// Who appears in the record.
const ACTOR: &str = "logbook";

pub fn worker(ctx: &Ctx, state: &Arc<State>) -> Worker {
    let state = Arc::clone(state);
    Worker::periodic("logbook.attach", INTERVAL, &ctx.stop, move || {
        let state = Arc::clone(&state);
        async move {
            // Programs wait for a few milliseconds only, and not for a login.
            if let Some(reader) = state.identity.reader()
                && let Err(e) = reader.log_in().await
            {
                tracing::debug!(error = %e, "the reader account is not logged in");
            }
            attach_all(&state).await
        }
    })
}

/// One round over all entries that wait.
pub async fn attach_all(state: &State) -> Result<(), Problem> {
    // One question for each proposal and instrument of a round.
    let mut asked: HashMap<(String, Option<String>), Vec<Slot>> = HashMap::new();
    let mut after = String::new();
    loop {
        let page = store::entries::unbound(&mut state.db.read().await?, &after, PAGE).await?;
        let mut found: HashMap<(Book, i64), Vec<String>> = HashMap::new();
        for entry in &page {
            let event = &entry.event;
            let Some(proposal) = &event.investigation_name else { continue };
            let key = (proposal.clone(), event.instrument_name.clone());
            if !asked.contains_key(&key) {
                let Some(slots) = slots(state, proposal, event.instrument_name.as_deref()).await else { return Ok(()) };
                asked.insert(key.clone(), slots);
            }
            let known = asked.get(&key).map_or(&[][..], Vec::as_slice);
            if let Bound::To(id) = chosen(state, known, event.at) {
                found.entry((entry.book.clone(), id)).or_default().push(entry.id.clone());
            }
        }
        for ((book, investigation), ids) in found {
            entries::attach(state, &book, investigation, &ids, ACTOR).await?;
        }
        match page.last() {
            Some(last) if page.len() >= usize::try_from(PAGE).unwrap_or(usize::MAX) => after.clone_from(&last.id),
            _ => return Ok(()),
        }
    }
}
