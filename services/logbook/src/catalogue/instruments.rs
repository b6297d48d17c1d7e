//! Instruments of the catalogue, cached for a minute.

use std::sync::Arc;
use std::time::Duration;

use icat_client::IcatError;
use icat_client::client::quote_string;
use moka::future::Cache;
use serde_json::Value;
use service_kit::fulltext::fold_text;
use service_kit::{Code, Problem};
use tokio_util::task::TaskTracker;

use crate::catalogue::icat_lookup::{IcatLookup, is_possible_name};

const CACHED: Duration = Duration::from_mins(1);

/// Looks instruments up.
pub struct Instruments {
    lookup: IcatLookup,
    tasks: TaskTracker,
    /// How long a program waits for the catalogue.
    timeout: Duration,
    /// Ids of instruments by folded name.
    ids: Cache<String, i64>,
    /// Names of instruments by the query for them.
    names: Cache<String, Arc<Vec<String>>>,
}

impl Instruments {
    pub fn new(lookup: IcatLookup, tasks: TaskTracker, timeout: Duration) -> Self {
        Self {
            lookup,
            tasks,
            timeout,
            ids: Cache::builder().max_capacity(1_000).time_to_live(CACHED).build(),
            names: Cache::builder().max_capacity(10_000).time_to_live(CACHED).build(),
        }
    }

    /// Forgets what the catalogue said before a change.
    pub fn clear_cache(&self) {
        self.ids.invalidate_all();
        self.names.invalidate_all();
    }

    /// Whether the catalogue has an instrument of this name; `None` if it does not answer within the timeout.
    pub async fn has_instrument(&self, name: &str) -> Option<bool> {
        if !is_possible_name(name) {
            return Some(false);
        }
        let query =
            format!("SELECT i.name FROM Instrument i WHERE UPPER(i.name) = {}", quote_string(&name.to_uppercase()));
        self.list_names_in_time(query).await.map(|names| !names.is_empty())
    }

    /// The instruments of an investigation; `None` if the catalogue does not answer within the timeout.
    pub async fn list_of_investigation_in_time(&self, investigation: i64) -> Option<Arc<Vec<String>>> {
        self.list_names_in_time(investigation_query(investigation)).await
    }

    /// The instruments of an investigation; an error if the catalogue does not answer.
    pub async fn list_of_investigation(&self, investigation: i64) -> Result<Vec<String>, Problem> {
        let rows = self.lookup.search_as_reader(&investigation_query(investigation)).await.ok_or_else(|| {
            let text = "ICAT does not say now at which instrument the investigation is; try again later";
            Problem::new(Code::Unavailable, "logbook/icat-down", text).with_retry_after(10)
        })?;
        Ok(parse_names(&rows))
    }

    /// The id of an instrument by its name, in any case.
    pub async fn find_id(&self, session: Option<&str>, name: &str) -> Result<Option<i64>, IcatError> {
        // The id is no secret: whether somebody may do something with it is checked each time.
        let key = fold_text(name);
        if let Some(cached) = self.ids.get(&key).await {
            return Ok(Some(cached));
        }
        let query =
            format!("SELECT i.id FROM Instrument i WHERE UPPER(i.name) = {}", quote_string(&name.to_uppercase()));
        let rows = self.lookup.search_as_reader_or(session, &query).await?;
        let found = rows.first().and_then(Value::as_i64);
        if let Some(id) = found {
            self.ids.insert(key, id).await;
        }
        Ok(found)
    }

    /// The answer if it comes within the timeout. It is also cached if it comes later.
    async fn list_names_in_time(&self, query: String) -> Option<Arc<Vec<String>>> {
        if let Some(cached) = self.names.get(&query).await {
            return Some(cached);
        }
        let (lookup, cache) = (self.lookup.clone(), self.names.clone());
        let answer = self.tasks.spawn_local(async move {
            let search = async { lookup.search_as_reader(&query).await.map(|rows| Arc::new(parse_names(&rows))) };
            cache.optionally_get_with(query.clone(), search).await
        });
        tokio::time::timeout(self.timeout, answer).await.ok()?.ok()?
    }
}

fn investigation_query(investigation: i64) -> String {
    format!("SELECT ii.instrument.name FROM InvestigationInstrument ii WHERE ii.investigation.id = {investigation}")
}

fn parse_names(rows: &[Value]) -> Vec<String> {
    rows.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}
