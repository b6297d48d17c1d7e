//! Binds entries of programs whose investigation was not known when they were written.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use service_kit::{Ctx, Problem, Worker};

use crate::bindings::{Bound, bind};
use crate::domain::book::Book;
use crate::entries;
use crate::state::State;
use crate::store;

const INTERVAL: Duration = Duration::from_secs(30);
const PAGE: i64 = 500;
/// Who appears in the record.
const ACTOR: &str = "logbook";

pub fn worker(ctx: &Ctx, state: &Arc<State>) -> Worker {
    let state = Arc::clone(state);
    Worker::periodic("logbook.attach", INTERVAL, &ctx.stop, move || {
        let state = Arc::clone(&state);
        async move { attach_all(&state).await }
    })
}

/// One round over all entries that wait.
pub async fn attach_all(state: &State) -> Result<(), Problem> {
    let mut after = String::new();
    loop {
        let page = store::entries::unbound(&mut state.db.read().await?, &after, PAGE).await?;
        let mut found: HashMap<(String, i64), Vec<String>> = HashMap::new();
        for entry in &page {
            let event = &entry.event;
            let (Some(proposal), Some(instrument)) = (&event.investigation_name, &event.instrument_name) else {
                continue;
            };
            if let Bound::To(id) = bind(state, proposal, instrument, event.at, true).await {
                found.entry((instrument.clone(), id)).or_default().push(entry.id.clone());
            }
        }
        for ((instrument, investigation), ids) in found {
            entries::attach(state, &Book::of(None, Some(&instrument)), investigation, &ids, ACTOR).await?;
        }
        match page.last() {
            Some(last) if page.len() >= usize::try_from(PAGE).unwrap_or(usize::MAX) => after.clone_from(&last.id),
            _ => return Ok(()),
        }
    }
}
