//! Assigns entries of programs whose investigation was not known when they were written.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use service_kit::{Ctx, Db, Problem, Worker};
use tokio::sync::Notify;

use crate::catalogue::icat_lookup::IcatLookup;
use crate::catalogue::investigation_assignment::{Assignment, InvestigationAssignment};
use crate::catalogue::visits::Visits;
use crate::domain::logbook::Logbook;
use crate::domain::visit::Visit;
use crate::entries::Entries;
use crate::store::entry_lists::list_unassigned_entries;

const INTERVAL: Duration = Duration::from_secs(30);
const PAGE: i64 = 500;
/// The actor of the record.
const ACTOR: &str = "logbook";

/// Moves entries to the investigation that has appeared for them.
pub struct AssignWorker {
    pub db: Db,
    pub lookup: IcatLookup,
    pub visits: Arc<Visits>,
    pub assignment: Arc<InvestigationAssignment>,
    pub entries: Arc<Entries>,
}

impl AssignWorker {
    /// `wake` starts a round before the interval is over.
    pub fn into_worker(self, ctx: &Ctx, wake: Arc<Notify>) -> Worker {
        let this = Arc::new(self);
        Worker::periodic_with_wakeup("logbook.assign", INTERVAL, &ctx.stop, wake, move || {
            let this = Arc::clone(&this);
            async move {
                // Programs wait for a few milliseconds only, and not for a login.
                this.lookup.log_in_reader().await;
                this.assign_waiting().await
            }
        })
    }

    /// One round over all entries that wait.
    async fn assign_waiting(&self) -> Result<(), Problem> {
        // One query for each proposal and instrument of a round.
        let mut visits: HashMap<(String, Option<String>), Vec<Visit>> = HashMap::new();
        let mut after = String::new();
        loop {
            let page = list_unassigned_entries(&mut self.db.read().await?, &after, PAGE).await?;
            let mut found: HashMap<(Logbook, i64), Vec<String>> = HashMap::new();
            for entry in &page {
                let content = &entry.content;
                let Some(proposal) = &content.investigation_name else { continue };
                let key = (proposal.clone(), content.instrument_name.clone());
                if !visits.contains_key(&key) {
                    let instrument = content.instrument_name.as_deref();
                    let Some(all) = self.visits.find_by_proposal(proposal, instrument).await else { return Ok(()) };
                    visits.insert(key.clone(), all);
                }
                let known = visits.get(&key).map_or(&[][..], Vec::as_slice);
                if let Assignment::Assigned(id) = self.assignment.assign_to_visit(known, content.at) {
                    found.entry((entry.logbook.clone(), id)).or_default().push(entry.id.clone());
                }
            }
            for ((logbook, investigation), ids) in found {
                self.entries.assign_to_investigation(&logbook, investigation, &ids, ACTOR).await?;
            }
            match page.last() {
                Some(last) if page.len() >= usize::try_from(PAGE).unwrap_or(usize::MAX) => after.clone_from(&last.id),
                _ => return Ok(()),
            }
        }
    }
}
