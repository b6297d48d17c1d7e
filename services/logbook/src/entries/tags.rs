//! Replacing the tags of several entries at once: no version, but a record of each.

use identity::Caller;
use serde_json::json;
use service_kit::Problem;
use service_kit::fulltext::fold_text;

use crate::catalogue::permissions::WritableLogbook;
use crate::domain::entry::Entry;
use crate::domain::filter::Filter;
use crate::entries::Entries;
use crate::error::Error;
use crate::history::chain::RecordKind;
use crate::history::records::{Act, Change};
use crate::store::entries;
use crate::store::filter_conditions::{Scope, find_scope};

impl Entries {
    /// All or none; an entry of another logbook, or of a closed one, is refused.
    pub async fn replace_tags(
        &self,
        caller: &Caller,
        logbook: &WritableLogbook,
        ids: &[String],
        tags: &[String],
    ) -> Result<Vec<Entry>, Problem> {
        let scope = find_scope(&mut self.db.read().await?, logbook).await?;
        let filter = Filter { ids: Some(ids.to_vec()), ..Filter::default() };
        if matches!(scope, Scope::Instrument(_))
            && !self.list_closed_logbooks(caller, &scope, &filter).await?.is_empty()
        {
            let text =
                "an entry belongs to an investigation that is released: its logbook can be read only; none was changed";
            return Err(Error::ClosedAmong(text).into());
        }
        let act = Act { actor: &caller.subject().icat_user_name, at: self.clock.now_micros() };
        self.with_logbooks_locked(&scope, &filter, None, async |tx| {
            let mut changed = entries::list_entries_by_ids(tx, ids).await?;
            let is_changed = |id: &String| changed.iter().any(|entry| entry.id == *id && belongs_to(entry, &scope));
            if let Some(missing) = ids.iter().find(|id| !is_changed(id)) {
                return Err(Error::NoSuchEntry(missing.clone()).into());
            }
            for entry in &mut changed {
                entry.content.tags = tags.to_vec();
                entry.updated_at = act.at;
                entries::update_entry(tx, entry).await?;
                self.tag_definitions.define_missing_tags(tx, logbook, &entry.content).await?;
                let body = json!({"entries": [entry.id], "tags": tags}).to_string();
                let entries = std::slice::from_ref(&*entry);
                let change = Change { logbook_id: entry.logbook_id, kind: RecordKind::Tagged, entries, act };
                self.history.append_record(tx, change, &body).await?;
            }
            Ok(changed)
        })
        .await
    }
}

fn belongs_to(entry: &Entry, scope: &Scope) -> bool {
    match scope {
        Scope::Logbook(id) => entry.logbook_id == *id,
        Scope::Instrument(name) => entry.content.instrument_name.as_deref().map(fold_text).as_ref() == Some(name),
        Scope::Everything => true,
    }
}
