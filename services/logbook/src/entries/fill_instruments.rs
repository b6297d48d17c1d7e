//! Entries of investigations that name no instrument get the one that the catalogue has for the investigation, and with it a
//! place in the instrument's logbook.

use std::collections::{BTreeMap, HashMap};

use identity::Caller;
use serde_json::json;
use service_kit::Problem;

use crate::catalogue::{investigation_assignment, users};
use crate::domain::chain::RecordKind;
use crate::domain::filter::Filter;
use crate::domain::logbook::Book;
use crate::entries::lock::in_turn;
use crate::entries::{Happened, record};
use crate::state::State;
use crate::store::entries;
use crate::store::entries::Scope;
use crate::store::logbooks::Act;

/// Entries of a transaction.
const PAGE: i64 = 500;

/// How many entries were given an instrument. Closed logbooks stay as they were signed.
pub async fn fill_instruments(state: &State, caller: &Caller) -> Result<usize, Problem> {
    let actor = &caller.subject().icat_user_name;
    let mut instruments: HashMap<i64, Option<String>> = HashMap::new();
    let (mut updated, mut after) = (0, String::new());
    loop {
        let found = entries::list_without_instrument(&mut state.db.read().await?, &after, PAGE).await?;
        let Some((last, _)) = found.last() else { return Ok(updated) };
        after.clone_from(last);
        let mut by_investigation: BTreeMap<i64, Vec<String>> = BTreeMap::new();
        for (id, investigation) in found {
            by_investigation.entry(investigation).or_default().push(id);
        }
        let unknown: Vec<i64> =
            by_investigation.keys().filter(|investigation| !instruments.contains_key(investigation)).copied().collect();
        for part in unknown.chunks(100) {
            let released = investigation_assignment::released(state, Some(caller), part).await?;
            for investigation in part {
                let is_closed = released.contains(investigation);
                let name =
                    if is_closed { None } else { users::find_instrument_of(state, caller, *investigation).await };
                instruments.insert(*investigation, name);
            }
        }
        for (investigation, ids) in by_investigation {
            if let Some(Some(name)) = instruments.get(&investigation) {
                updated += assign_instrument(state, investigation, name, &ids, actor).await?;
            }
        }
    }
}

/// Those of the entries that still lie in the investigation and have no instrument get it; one record says so in the
/// history of the investigation and in the feed of the instrument.
async fn assign_instrument(
    state: &State,
    investigation: i64,
    name: &str,
    ids: &[String],
    actor: &str,
) -> Result<usize, Problem> {
    let filter = Filter { ids: Some(ids.to_vec()), ..Filter::default() };
    let instrument = Book::of(None, Some(name));
    let now = state.clock.now_micros();
    in_turn(state, &Scope::Everything, &filter, Some(&instrument), async |tx| {
        let mut found = entries::by_ids(tx, ids).await?;
        found.retain(|entry| entry.event.instrument_name.is_none() && entry.book == Book::Investigation(investigation));
        for entry in &mut found {
            entry.event.instrument_name = Some(name.to_owned());
            entry.updated_at = now;
            entries::change(tx, entry).await?;
        }
        if let Some(book_id) = found.first().map(|entry| entry.book_id) {
            let ids: Vec<&String> = found.iter().map(|entry| &entry.id).collect();
            let body = json!({"entries": ids, "to": instrument.name()}).to_string();
            let happened =
                Happened { book_id, kind: RecordKind::MovedIn, entries: &found, act: Act { actor, at: now } };
            record(state, tx, happened, &body).await?;
        }
        Ok(found.len())
    })
    .await
}
