//! Filling in instruments: entries of investigations that name no instrument get the one that the catalogue has for the
//! investigation, and so a place in the instrument's logbook.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use identity::Caller;
use serde_json::json;
use service_kit::{Db, Problem};

use crate::catalogue::permissions::Administrator;
use crate::catalogue::users::Users;
use crate::catalogue::visits::Visits;
use crate::domain::filter::Filter;
use crate::domain::logbook::Logbook;
use crate::entries::Entries;
use crate::history::chain::RecordKind;
use crate::history::records::{Act, Change};
use crate::store::filter_conditions::Scope;
use crate::store::{entries, entry_lists};

/// Entries of a transaction.
const PAGE: i64 = 500;

/// Fills in the instruments of entries.
pub struct InstrumentRepair {
    pub db: Db,
    pub entries: Arc<Entries>,
    pub users: Arc<Users>,
    pub visits: Arc<Visits>,
}

impl InstrumentRepair {
    /// How many entries there are, and how many belong to an investigation and name no instrument.
    pub async fn count(&self, _: Administrator) -> Result<(i64, i64), Problem> {
        Ok(entry_lists::count_without_instrument(&mut self.db.read().await?).await?)
    }

    /// How many entries were given an instrument. Closed logbooks stay as they were signed.
    pub async fn fill_instruments(&self, _: Administrator, caller: &Caller) -> Result<usize, Problem> {
        let actor = &caller.subject().icat_user_name;
        let mut instruments: HashMap<i64, Option<String>> = HashMap::new();
        let (mut updated, mut after) = (0, String::new());
        loop {
            let found = entry_lists::list_without_instrument(&mut self.db.read().await?, &after, PAGE).await?;
            let Some((last, _)) = found.last() else { return Ok(updated) };
            after.clone_from(last);
            let mut by_investigation: BTreeMap<i64, Vec<String>> = BTreeMap::new();
            for (id, investigation) in found {
                by_investigation.entry(investigation).or_default().push(id);
            }
            let unknown = by_investigation.keys().filter(|investigation| !instruments.contains_key(investigation));
            let unknown: Vec<i64> = unknown.copied().collect();
            for part in unknown.chunks(100) {
                let released = self.visits.find_released(Some(caller), part).await?;
                for investigation in part {
                    let is_closed = released.contains(investigation);
                    let name = if is_closed { None } else { self.users.find_instrument(caller, *investigation).await };
                    instruments.insert(*investigation, name);
                }
            }
            for (investigation, ids) in by_investigation {
                if let Some(Some(name)) = instruments.get(&investigation) {
                    updated += self.entries.set_instrument(investigation, name, &ids, actor).await?;
                }
            }
        }
    }
}

impl Entries {
    /// Those of the entries that still lie in the investigation and have no instrument get it; one record says so in the
    /// history of the investigation and in the feed of the instrument.
    async fn set_instrument(
        &self,
        investigation: i64,
        name: &str,
        ids: &[String],
        actor: &str,
    ) -> Result<usize, Problem> {
        let filter = Filter { ids: Some(ids.to_vec()), ..Filter::default() };
        let (source, instrument) = (Logbook::Investigation(investigation), Logbook::from_ids(None, Some(name)));
        let act = Act { actor, at: self.clock.now_micros() };
        self.with_logbooks_locked(&Scope::Everything, &filter, Some(&instrument), async |tx| {
            let mut found = entries::list_entries_by_ids(tx, ids).await?;
            found.retain(|entry| entry.content.instrument_name.is_none() && entry.logbook == source);
            for entry in &mut found {
                entry.content.instrument_name = Some(name.to_owned());
                entry.updated_at = act.at;
                entries::update_entry(tx, entry).await?;
            }
            if let Some(logbook_id) = found.first().map(|entry| entry.logbook_id) {
                let ids: Vec<&String> = found.iter().map(|entry| &entry.id).collect();
                let body = json!({"entries": ids, "to": instrument.name()}).to_string();
                let change = Change { logbook_id, kind: RecordKind::MovedIn, entries: &found, act };
                self.history.append_record(tx, change, &body).await?;
            }
            Ok(found.len())
        })
        .await
    }
}
