//! Which investigation entries of programs belong to, asked of ICAT with the reader account and remembered for a minute.
//!
//! A program waits a tenth of a second. When ICAT is slow or down the entry is stored at the instrument's level, and a
//! worker binds it later.

use std::sync::Arc;
use std::time::Duration;

use icat_client::client::quoted;
use icat_client::{IcatClient, IcatError};
use jiff::Timestamp;
use moka::sync::Cache;
use serde_json::Value;
use service_kit::words::fold;
use service_kit::{Code, Problem};

use crate::domain::binding::{Slot, choose};
use crate::state::State;

const REMEMBERED: Duration = Duration::from_mins(1);
const PATIENCE: Duration = Duration::from_millis(60);

type Key = (String, String);

/// Sessions by folded proposal and instrument.
pub struct Bindings(Cache<Key, Arc<Vec<Slot>>>);

impl Default for Bindings {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(10_000).time_to_live(REMEMBERED).build())
    }
}

/// Where an entry of a program belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    To(i64),
    /// The investigation is released: its logbook is closed, also to programs.
    Late,
    /// No investigation is known, or ICAT does not say in time.
    Unknown,
}

/// By proposal, instrument and time.
pub async fn bind(state: &State, proposal: &str, instrument: &str, at: i64, patient: bool) -> Bound {
    let key = (fold(proposal), fold(instrument));
    let slots = match state.bindings.0.get(&key) {
        Some(known) => known,
        None => {
            let asked = slots(state, proposal, instrument);
            let answer = if patient { Some(asked.await) } else { tokio::time::timeout(PATIENCE, asked).await.ok() };
            let Some(Some(slots)) = answer else { return Bound::Unknown };
            let slots = Arc::new(slots);
            // That there is none yet may change at any moment.
            if !slots.is_empty() {
                state.bindings.0.insert(key, Arc::clone(&slots));
            }
            slots
        }
    };
    of_slot(choose(&slots, at), state.clock.now_micros())
}

/// By id.
pub async fn bind_to(state: &State, investigation: i64) -> Bound {
    let key = (String::new(), investigation.to_string());
    let slots = match state.bindings.0.get(&key) {
        Some(known) => known,
        None => {
            let query = format!(
                "SELECT i.id, i.startDate, i.endDate, i.releaseDate FROM Investigation i WHERE i.id = {investigation}"
            );
            let asked = tokio::time::timeout(PATIENCE, ask(state, query)).await;
            // A program that names an investigation knows it; it is believed while ICAT does not answer.
            let Ok(Some(slots)) = asked else { return Bound::To(investigation) };
            let slots = Arc::new(slots);
            if !slots.is_empty() {
                state.bindings.0.insert(key, Arc::clone(&slots));
            }
            slots
        }
    };
    of_slot(slots.first().copied(), state.clock.now_micros())
}

fn of_slot(slot: Option<Slot>, now: i64) -> Bound {
    match slot {
        None => Bound::Unknown,
        Some(slot) if slot.released.is_some_and(|at| at <= now) => Bound::Late,
        Some(slot) => Bound::To(slot.id),
    }
}

async fn slots(state: &State, proposal: &str, instrument: &str) -> Option<Vec<Slot>> {
    let query = format!(
        "SELECT DISTINCT i.id, i.startDate, i.endDate, i.releaseDate FROM Investigation i \
         JOIN i.investigationInstruments ii WHERE UPPER(i.name) = {} AND UPPER(ii.instrument.name) = {} \
         AND i.startDate IS NOT NULL",
        quoted(&proposal.to_uppercase()),
        quoted(&instrument.to_uppercase())
    );
    ask(state, query).await
}

async fn ask(state: &State, query: String) -> Option<Vec<Slot>> {
    let reader = state.identity.reader()?;
    let found = reader.ask(async |icat: &IcatClient, session: &str| -> Result<Vec<Value>, IcatError> {
        icat.search(session, &query).await
    });
    match found.await {
        Ok(rows) => Some(rows.iter().filter_map(slot).collect()),
        Err(e) => {
            tracing::warn!(error = %e, "ICAT does not say which investigation an entry belongs to");
            None
        }
    }
}

/// Which of these investigations are released; an error where ICAT does not say.
pub async fn released(state: &State, investigations: &[i64]) -> Result<Vec<i64>, Problem> {
    let list: Vec<String> = investigations.iter().map(ToString::to_string).collect();
    let query = format!(
        "SELECT i.id, i.startDate, i.endDate, i.releaseDate FROM Investigation i WHERE i.id IN ({})",
        list.join(", ")
    );
    let slots = ask(state, query).await.ok_or_else(|| {
        Problem::new(Code::Unavailable, "logbook/icat-down", "ICAT does not say which investigations are released")
    })?;
    let now = state.clock.now_micros();
    Ok(slots.iter().filter(|slot| slot.released.is_some_and(|at| at <= now)).map(|slot| slot.id).collect())
}

fn slot(row: &Value) -> Option<Slot> {
    let at = |n: usize| row[n].as_str().and_then(|text| text.parse::<Timestamp>().ok()).map(Timestamp::as_microsecond);
    Some(Slot { id: row[0].as_i64()?, start: at(1).unwrap_or_default(), end: at(2), released: at(3) })
}

/// The id of an instrument by its name, whatever its case.
pub async fn instrument(state: &State, session: Option<&str>, name: &str) -> Result<Option<i64>, IcatError> {
    let query = format!("SELECT i.id FROM Instrument i WHERE UPPER(i.name) = {}", quoted(&name.to_uppercase()));
    let rows = match (state.identity.reader(), session) {
        (Some(reader), _) => {
            reader.ask(async |icat: &IcatClient, session: &str| icat.search(session, &query).await).await?
        }
        (None, Some(session)) => state.identity.icat().search(session, &query).await?,
        (None, None) => Vec::new(),
    };
    Ok(rows.first().and_then(Value::as_i64))
}
