//! Moving entries to another logbook: at a program's request, or because the investigation that they were written for has
//! appeared. They keep their ids; both logbooks have a record of it.

use serde_json::json;
use service_kit::{DbError, Problem, Tx};

use crate::catalogue::permissions::ProgramCaller;
use crate::domain::entry::Entry;
use crate::domain::filter::Filter;
use crate::domain::logbook::Logbook;
use crate::entries::Entries;
use crate::history::chain::RecordKind;
use crate::history::records::{Act, Change};
use crate::store::filter_conditions::Scope;
use crate::store::{entries, entry_lists, logbooks};

impl Entries {
    /// Moves all entries of one investigation to another; how many.
    pub async fn move_investigation(&self, program: ProgramCaller<'_>, from: i64, to: i64) -> Result<usize, Problem> {
        let actor = &program.subject().icat_user_name;
        let (source, target) = (Logbook::Investigation(from), Logbook::Investigation(to));
        let found = logbooks::find_logbook(&mut self.db.read().await?, &source).await?;
        let Some(logbook_id) = found else { return Ok(0) };
        let (scope, all) = (Scope::Logbook(logbook_id), Filter::default());
        self.with_logbooks_locked(&scope, &all, Some(&target), async |tx| {
            let ids = entry_lists::list_entry_ids(tx, &scope, &all).await?;
            let found = entries::list_entries_by_ids(tx, &ids).await?;
            self.move_found(tx, &source, &target, found, actor).await?;
            Ok(ids.len())
        })
        .await
    }

    /// Moves entries whose investigation was not known when they were written.
    pub(super) async fn assign_to_investigation(
        &self,
        source: &Logbook,
        investigation: i64,
        ids: &[String],
        actor: &str,
    ) -> Result<(), Problem> {
        let target = Logbook::Investigation(investigation);
        let filter = Filter { ids: Some(ids.to_vec()), ..Filter::default() };
        self.with_logbooks_locked(&Scope::Everything, &filter, Some(&target), async |tx| {
            // Somebody else may have assigned them meanwhile.
            let mut found = entries::list_entries_by_ids(tx, ids).await?;
            found.retain(|entry| entry.content.investigation_id.is_none());
            self.move_found(tx, source, &target, found, actor).await?;
            Ok(())
        })
        .await
    }

    async fn move_found(
        &self,
        tx: &mut Tx,
        source: &Logbook,
        target: &Logbook,
        mut found: Vec<Entry>,
        actor: &str,
    ) -> Result<(), DbError> {
        let Some(source_id) = found.first().map(|entry| entry.logbook_id) else { return Ok(()) };
        let target_id = logbooks::find_or_create_logbook(tx, target).await?;
        let now = self.clock.now_micros();
        let ids: Vec<String> = found.iter().map(|entry| entry.id.clone()).collect();
        for entry in &mut found {
            entry.logbook_id = target_id;
            entry.logbook = target.clone();
            entry.updated_at = now;
            if let Logbook::Investigation(id) = target {
                entry.content.investigation_id = Some(*id);
            }
            entries::update_entry(tx, entry).await?;
            self.tag_definitions.define_missing_tags(tx, target, &entry.content).await?;
        }
        let act = Act { actor, at: now };
        let sides = [(source_id, RecordKind::MovedOut, "to", target), (target_id, RecordKind::MovedIn, "from", source)];
        for (logbook_id, kind, key, other) in sides {
            let body = json!({"entries": ids, key: other.name()}).to_string();
            self.history.append_record(tx, Change { logbook_id, kind, entries: &found, act }, &body).await?;
        }
        Ok(())
    }
}
