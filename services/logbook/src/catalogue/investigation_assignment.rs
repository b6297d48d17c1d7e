//! Which investigation entries of programs belong to, asked of ICAT with the reader account and remembered for a minute.
//!
//! A program waits for `logbook.assignment_timeout`. When ICAT is slow or down the entry is stored at the instrument's level, and a
//! worker binds it later.

use std::sync::Arc;
use std::time::Duration;

use icat_client::client::quote_string;
use icat_client::{IcatClient, IcatError};
use identity::Caller;
use jiff::Timestamp;
use moka::future::Cache;
use serde_json::Value;
use service_kit::fulltext::fold_text;
use service_kit::{Code, Problem};

use crate::domain::visit::{Slot, choose};
use crate::state::State;

/// Characters of a name, as in the schema of ICAT.
const LONGEST_NAME: usize = 255;
const REMEMBERED: Duration = Duration::from_mins(1);

type Key = (String, String);

/// What ICAT has said lately.
pub struct Bindings {
    /// Sessions by folded proposal and instrument.
    slots: Cache<Key, Arc<Vec<Slot>>>,
    /// Ids of instruments by folded name.
    instruments: Cache<String, i64>,
    /// Names of instruments by the question for them.
    names: Cache<String, Arc<Vec<String>>>,
}

impl Default for Bindings {
    fn default() -> Self {
        Self {
            slots: Cache::builder().max_capacity(10_000).time_to_live(REMEMBERED).build(),
            instruments: Cache::builder().max_capacity(1_000).time_to_live(REMEMBERED).build(),
            names: Cache::builder().max_capacity(10_000).time_to_live(REMEMBERED).build(),
        }
    }
}

/// Where an entry of a program belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    To(i64),
    /// The investigation is released: its logbook is closed, also to programs.
    Late,
    /// The catalogue has no such investigation.
    Unknown,
    /// Nobody knows: ICAT does not say in time, or there is no account that could ask.
    Unsaid,
}

/// By proposal, instrument if one is named, and time, within the patience of programs.
pub async fn bind(state: &Arc<State>, proposal: &str, instrument: Option<&str>, at: i64) -> Bound {
    if !may_be(proposal, instrument) {
        return Bound::Unknown;
    }
    let key = (fold_text(proposal), instrument.map(fold_text).unwrap_or_default());
    let Some(slots) = soon(state, key, query_of(proposal, instrument)).await else { return Bound::Unsaid };
    of_slot(choose(&slots, at), state.clock.now_micros())
}

/// Longer names are none of ICAT's, and would make an address that it refuses.
fn may_be(proposal: &str, instrument: Option<&str>) -> bool {
    [Some(proposal), instrument].into_iter().flatten().all(|name| name.chars().count() <= LONGEST_NAME)
}

/// The sessions of a proposal as ICAT has them now; `None` if it does not answer.
pub async fn slots(state: &State, proposal: &str, instrument: Option<&str>) -> Option<Vec<Slot>> {
    if !may_be(proposal, instrument) {
        return Some(Vec::new());
    }
    let slots = ask(state, query_of(proposal, instrument)).await?;
    let key = (fold_text(proposal), instrument.map(fold_text).unwrap_or_default());
    state.bindings.slots.insert(key, Arc::new(slots.clone())).await;
    Some(slots)
}

/// Where an entry of that time belongs.
pub fn chosen(state: &State, slots: &[Slot], at: i64) -> Bound {
    of_slot(choose(slots, at), state.clock.now_micros())
}

/// By id; nobody can say without the reader account.
pub async fn bind_to(state: &Arc<State>, investigation: i64) -> Bound {
    if state.identity.reader().is_none() {
        return Bound::Unsaid;
    }
    let query =
        format!("SELECT i.id, i.startDate, i.endDate, i.releaseDate FROM Investigation i WHERE i.id = {investigation}");
    // A program that names an investigation knows it; it is believed while ICAT does not answer.
    let key = (String::new(), investigation.to_string());
    let Some(slots) = soon(state, key, query).await else { return Bound::To(investigation) };
    of_slot(slots.first().copied(), state.clock.now_micros())
}

/// The answer if it comes soon. It is waited for and remembered also where nobody waits any more, by one task for all who
/// ask the same: else a login that takes longer than the patience would begin again with each entry.
async fn soon(state: &Arc<State>, key: Key, query: String) -> Option<Arc<Vec<Slot>>> {
    if let Some(known) = state.bindings.slots.get(&key).await {
        return Some(known);
    }
    let asking = Arc::clone(state);
    let answer = state.tasks.spawn_local(async move {
        asking.bindings.slots.optionally_get_with(key, async { ask(&asking, query).await.map(Arc::new) }).await
    });
    tokio::time::timeout(state.config.assignment_timeout, answer).await.ok()?.ok()?
}

/// Which of these investigations are released; an error where ICAT does not say. Asked with the reader account, else with
/// the caller's own session. One that nobody can see is not.
pub async fn released(state: &State, caller: Option<&Caller>, investigations: &[i64]) -> Result<Vec<i64>, Problem> {
    let list: Vec<String> = investigations.iter().map(ToString::to_string).collect();
    let query = format!(
        "SELECT i.id, i.startDate, i.endDate, i.releaseDate FROM Investigation i WHERE i.id IN ({})",
        list.join(", ")
    );
    let slots = match (state.identity.reader(), caller.and_then(Caller::session)) {
        (None, Some(session)) => {
            let rows = state.identity.icat().search_rows(session.expose(), &query).await;
            rows.inspect_err(|e| tracing::warn!(error = %e, "ICAT does not say what is released"))
                .ok()
                .map(|rows| slots_of(&rows))
        }
        _ => ask(state, query).await,
    };
    let slots = slots.ok_or_else(|| {
        let text = "ICAT does not say now which logbooks are closed; try again later";
        Problem::new(Code::Unavailable, "logbook/icat-down", text).with_retry_after(10)
    })?;
    let now = state.clock.now_micros();
    Ok(slots.iter().filter(|slot| slot.released.is_some_and(|at| at <= now)).map(|slot| slot.id).collect())
}

fn of_slot(slot: Option<Slot>, now: i64) -> Bound {
    match slot {
        None => Bound::Unknown,
        Some(slot) if slot.released.is_some_and(|at| at <= now) => Bound::Late,
        Some(slot) => Bound::To(slot.id),
    }
}

fn query_of(proposal: &str, instrument: Option<&str>) -> String {
    let upper = |text: &str| quote_string(&text.to_uppercase());
    let at = instrument.map(|name| format!(" AND UPPER(ii.instrument.name) = {}", upper(name)));
    format!(
        "SELECT DISTINCT i.id, i.startDate, i.endDate, i.releaseDate FROM Investigation i \
         {} WHERE UPPER(i.name) = {} AND i.startDate IS NOT NULL{}",
        if at.is_some() { "JOIN i.investigationInstruments ii" } else { "" },
        upper(proposal),
        at.unwrap_or_default()
    )
}

/// Whether the catalogue has an instrument of this name; `None` if it does not say within the patience of programs.
pub async fn is_known_instrument(state: &Arc<State>, name: &str) -> Option<bool> {
    if !may_be("", Some(name)) {
        return Some(false);
    }
    let query = format!("SELECT i.name FROM Instrument i WHERE UPPER(i.name) = {}", quote_string(&name.to_uppercase()));
    names_soon(state, query).await.map(|names| !names.is_empty())
}

/// The instruments of an investigation; `None` if the catalogue does not say within the patience of programs.
pub async fn instruments_soon(state: &Arc<State>, investigation: i64) -> Option<Arc<Vec<String>>> {
    names_soon(state, instruments_query(investigation)).await
}

/// The same for people, who wait; an error if the catalogue does not say.
pub async fn instruments_of(state: &State, investigation: i64) -> Result<Vec<String>, Problem> {
    let rows = ask_rows(state, &instruments_query(investigation)).await.ok_or_else(|| {
        let text = "ICAT does not say now at which instrument the investigation is; try again later";
        Problem::new(Code::Unavailable, "logbook/icat-down", text).with_retry_after(10)
    })?;
    Ok(names_of(&rows))
}

fn instruments_query(investigation: i64) -> String {
    format!("SELECT ii.instrument.name FROM InvestigationInstrument ii WHERE ii.investigation.id = {investigation}")
}

fn names_of(rows: &[Value]) -> Vec<String> {
    rows.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// As [`soon`], for names.
async fn names_soon(state: &Arc<State>, query: String) -> Option<Arc<Vec<String>>> {
    if let Some(known) = state.bindings.names.get(&query).await {
        return Some(known);
    }
    let asking = Arc::clone(state);
    let answer = state.tasks.spawn_local(async move {
        let asked = async { ask_rows(&asking, &query).await.map(|rows| Arc::new(names_of(&rows))) };
        asking.bindings.names.optionally_get_with(query.clone(), asked).await
    });
    tokio::time::timeout(state.config.assignment_timeout, answer).await.ok()?.ok()?
}

async fn ask(state: &State, query: String) -> Option<Vec<Slot>> {
    ask_rows(state, &query).await.map(|rows| slots_of(&rows))
}

/// What the catalogue answers to the reader account; `None` if there is none or no answer.
async fn ask_rows(state: &State, query: &str) -> Option<Vec<Value>> {
    let reader = state.identity.reader()?;
    let found = reader.with_session(async |icat: &IcatClient, session: &str| -> Result<Vec<Value>, IcatError> {
        icat.search_rows(session, query).await
    });
    match found.await {
        Ok(rows) => Some(rows),
        Err(e) => {
            tracing::warn!(error = %e, "ICAT does not say which investigation an entry belongs to");
            None
        }
    }
}

fn slots_of(rows: &[Value]) -> Vec<Slot> {
    rows.iter().filter_map(slot).collect()
}

fn slot(row: &Value) -> Option<Slot> {
    let at = |n: usize| row[n].as_str().and_then(|text| text.parse::<Timestamp>().ok()).map(Timestamp::as_microsecond);
    Some(Slot { id: row[0].as_i64()?, start: at(1).unwrap_or_default(), end: at(2), released: at(3) })
}

/// The id of an instrument by its name, whatever its case.
pub async fn instrument(state: &State, session: Option<&str>, name: &str) -> Result<Option<i64>, IcatError> {
    // Its id is no secret: what somebody may do with it is asked for each of them.
    let key = fold_text(name);
    if let Some(known) = state.bindings.instruments.get(&key).await {
        return Ok(Some(known));
    }
    let query = format!("SELECT i.id FROM Instrument i WHERE UPPER(i.name) = {}", quote_string(&name.to_uppercase()));
    let rows = match (state.identity.reader(), session) {
        (Some(reader), _) => {
            reader
                .with_session(async |icat: &IcatClient, session: &str| icat.search_rows(session, &query).await)
                .await?
        }
        (None, Some(session)) => state.identity.icat().search_rows(session, &query).await?,
        (None, None) => Vec::new(),
    };
    let found = rows.first().and_then(Value::as_i64);
    if let Some(id) = found {
        state.bindings.instruments.insert(key, id).await;
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_no_catalogue_has_are_not_asked_for() {
        let (name, long) = ("é".repeat(LONGEST_NAME), "é".repeat(LONGEST_NAME + 1));
        assert!(may_be(&name, None) && may_be("ZZ-1", Some(&name)));
        assert!(!may_be(&long, None) && !may_be("ZZ-1", Some(&long)));
    }
}
