//! Visits of investigations as ICAT has them, cached for a minute.

use std::sync::Arc;
use std::time::Duration;

use icat_client::client::quote_string;
use identity::Caller;
use jiff::Timestamp;
use moka::future::Cache;
use serde_json::Value;
use service_kit::fulltext::fold_text;
use service_kit::{Clock, Code, Micros, Problem};
use tokio_util::task::TaskTracker;

use crate::catalogue::icat_lookup::{IcatLookup, is_possible_name};
use crate::domain::visit::Visit;

const CACHED: Duration = Duration::from_mins(1);

/// Folded proposal and instrument; for an investigation by its id, an empty text and the id.
type Key = (String, String);

/// Looks visits up.
pub struct Visits {
    lookup: IcatLookup,
    clock: Arc<dyn Clock>,
    tasks: TaskTracker,
    /// How long a program waits for the catalogue.
    timeout: Duration,
    cache: Cache<Key, Arc<Vec<Visit>>>,
}

impl Visits {
    pub fn new(lookup: IcatLookup, clock: Arc<dyn Clock>, tasks: TaskTracker, timeout: Duration) -> Self {
        let cache = Cache::builder().max_capacity(10_000).time_to_live(CACHED).build();
        Self { lookup, clock, tasks, timeout, cache }
    }

    /// Forgets what the catalogue said before a change.
    pub fn clear_cache(&self) {
        self.cache.invalidate_all();
    }

    /// The visits of a proposal as ICAT has them now; `None` if it does not answer.
    pub async fn find_by_proposal(&self, proposal: &str, instrument: Option<&str>) -> Option<Vec<Visit>> {
        if !may_exist(proposal, instrument) {
            return Some(Vec::new());
        }
        let rows = self.lookup.search_as_reader(&proposal_query(proposal, instrument)).await?;
        let visits = parse_visits(&rows);
        self.cache.insert(proposal_key(proposal, instrument), Arc::new(visits.clone())).await;
        Some(visits)
    }

    /// The visits of a proposal, cached; `None` if ICAT does not answer within the timeout.
    pub async fn find_by_proposal_in_time(&self, proposal: &str, instrument: Option<&str>) -> Option<Arc<Vec<Visit>>> {
        if !may_exist(proposal, instrument) {
            return Some(Arc::default());
        }
        self.find_in_time(proposal_key(proposal, instrument), proposal_query(proposal, instrument)).await
    }

    /// The visit of an investigation, cached; `None` if ICAT does not answer within the timeout.
    pub async fn find_by_investigation_in_time(&self, investigation: i64) -> Option<Arc<Vec<Visit>>> {
        let key = (String::new(), investigation.to_string());
        self.find_in_time(key, investigations_query(&[investigation])).await
    }

    /// The answer if it comes within the timeout. It is awaited and cached also when nobody waits any more, by one task for
    /// all who ask the same: otherwise a login that takes longer than the timeout would start again with each entry.
    async fn find_in_time(&self, key: Key, query: String) -> Option<Arc<Vec<Visit>>> {
        if let Some(cached) = self.cache.get(&key).await {
            return Some(cached);
        }
        let (lookup, cache) = (self.lookup.clone(), self.cache.clone());
        let answer = self.tasks.spawn_local(async move {
            let search = async { lookup.search_as_reader(&query).await.map(|rows| Arc::new(parse_visits(&rows))) };
            cache.optionally_get_with(key, search).await
        });
        tokio::time::timeout(self.timeout, answer).await.ok()?.ok()?
    }

    /// Which of these investigations are released; an error where ICAT does not answer. Asked with the reader account, else
    /// with the caller's own session. An investigation that nobody can see is not released.
    pub async fn find_released(&self, caller: Option<&Caller>, investigations: &[i64]) -> Result<Vec<i64>, Problem> {
        let query = investigations_query(investigations);
        let rows = match caller.and_then(Caller::session) {
            Some(session) if !self.lookup.has_reader() => {
                let rows = self.lookup.search_as_reader_or(Some(session.expose()), &query).await;
                rows.inspect_err(|e| tracing::warn!(error = %e, "release dates could not be read from the catalogue"))
                    .ok()
            }
            _ => self.lookup.search_as_reader(&query).await,
        };
        let rows = rows.ok_or_else(|| {
            let text = "ICAT does not say now which logbooks are closed; try again later";
            Problem::new(Code::Unavailable, "logbook/icat-down", text).with_retry_after(10)
        })?;
        let now = self.clock.now_micros();
        Ok(parse_visits(&rows).iter().filter(|visit| visit.is_released(now)).map(|visit| visit.id).collect())
    }
}

fn may_exist(proposal: &str, instrument: Option<&str>) -> bool {
    is_possible_name(proposal) && instrument.is_none_or(is_possible_name)
}

fn proposal_key(proposal: &str, instrument: Option<&str>) -> Key {
    (fold_text(proposal), instrument.map(fold_text).unwrap_or_default())
}

fn proposal_query(proposal: &str, instrument: Option<&str>) -> String {
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

fn investigations_query(ids: &[i64]) -> String {
    let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
    format!(
        "SELECT i.id, i.startDate, i.endDate, i.releaseDate FROM Investigation i WHERE i.id IN ({})",
        ids.join(", ")
    )
}

fn parse_visits(rows: &[Value]) -> Vec<Visit> {
    rows.iter().filter_map(parse_visit).collect()
}

fn parse_visit(row: &Value) -> Option<Visit> {
    let moment = |n: usize| row[n].as_str().and_then(|text| text.parse::<Timestamp>().ok()).map(Micros::from);
    Some(Visit { id: row[0].as_i64()?, start: moment(1).unwrap_or_default(), end: moment(2), released: moment(3) })
}
