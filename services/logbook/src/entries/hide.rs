//! Hiding entries and showing them again: one record for all that a filter finds.

use identity::Caller;
use serde_json::json;
use service_kit::Problem;

use crate::catalogue::permissions::WritableLogbook;
use crate::domain::entry::Entry;
use crate::domain::filter::Filter;
use crate::domain::logbook::Logbook;
use crate::entries::Entries;
use crate::history::chain::RecordKind;
use crate::history::records::{Act, Change};
use crate::store::filter_conditions::{Scope, find_scope};
use crate::store::{entries, entry_lists};

/// Which entries are hidden or shown again.
#[derive(Debug, Clone)]
pub struct Selection {
    pub filter: Filter,
    /// The query of the request, which stands in the record.
    pub query: String,
}

impl Entries {
    /// Hides all entries that match; those that were changed. Entries of an instrument that lie in closed logbooks stay.
    pub async fn hide(
        &self,
        caller: &Caller,
        logbook: &WritableLogbook,
        selection: &Selection,
    ) -> Result<Vec<Entry>, Problem> {
        self.set_removed(caller, logbook, selection, true).await
    }

    /// Shows hidden entries that match again; those that were changed.
    pub async fn restore(
        &self,
        caller: &Caller,
        logbook: &WritableLogbook,
        selection: &Selection,
    ) -> Result<Vec<Entry>, Problem> {
        self.set_removed(caller, logbook, selection, false).await
    }

    async fn set_removed(
        &self,
        caller: &Caller,
        logbook: &WritableLogbook,
        selection: &Selection,
        removed: bool,
    ) -> Result<Vec<Entry>, Problem> {
        let mut filter = Filter { removed: Some(!removed), ..selection.filter.clone() };
        if let Logbook::Instrument(name) = &**logbook {
            let scope = Scope::Instrument(name.clone());
            filter.except_logbooks = self.list_closed_logbooks(caller, &scope, &filter).await?;
        }
        let (now, actor) = (self.clock.now_micros(), &caller.subject().icat_user_name);
        let kind = if removed { RecordKind::Removed } else { RecordKind::Restored };
        let scope = find_scope(&mut self.db.read().await?, logbook).await?;
        self.with_logbooks_locked(&scope, &filter, None, async |tx| {
            let ids = entry_lists::list_entry_ids(tx, &scope, &filter).await?;
            if ids.is_empty() {
                return Ok(Vec::new());
            }
            entries::set_removed(tx, &ids, removed, now).await?;
            let changed = entries::list_entries_by_ids(tx, &ids).await?;
            // Entries of an instrument's list may lie in logbooks of investigations; each has its own record.
            let mut logbook_ids: Vec<i64> = changed.iter().map(|entry| entry.logbook_id).collect();
            logbook_ids.sort_unstable();
            logbook_ids.dedup();
            for logbook_id in logbook_ids {
                let in_logbook = |entry: &&Entry| entry.logbook_id == logbook_id;
                let entries: Vec<Entry> = changed.iter().filter(in_logbook).cloned().collect();
                let ids: Vec<&String> = entries.iter().map(|entry| &entry.id).collect();
                let body = json!({"filter": selection.query, "entries": ids}).to_string();
                let change = Change { logbook_id, kind, entries: &entries, act: Act { actor, at: now } };
                self.history.append_record(tx, change, &body).await?;
            }
            Ok(changed)
        })
        .await
    }

    /// Among the logbooks in which these entries lie, the ids of those that are closed.
    pub(super) async fn list_closed_logbooks(
        &self,
        caller: &Caller,
        scope: &Scope,
        filter: &Filter,
    ) -> Result<Vec<i64>, Problem> {
        let logbooks = entry_lists::list_logbooks_of_entries(&mut self.db.read().await?, scope, filter).await?;
        let of_investigation = |(id, name): &(i64, String)| Some((*id, Logbook::parse_investigation_id(name)?));
        let of_investigations: Vec<(i64, i64)> = logbooks.iter().filter_map(of_investigation).collect();
        let mut closed = Vec::new();
        for part in of_investigations.chunks(100) {
            let ids: Vec<i64> = part.iter().map(|(_, investigation)| *investigation).collect();
            let released = self.visits.find_released(Some(caller), &ids).await?;
            closed.extend(part.iter().filter(|(_, investigation)| released.contains(investigation)).map(|(id, _)| *id));
        }
        Ok(closed)
    }
}
