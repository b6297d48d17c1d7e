//! Records as server-sent events (HTML standard, section 9.2).

use std::collections::{HashMap, HashSet};

use serde_json::{Value, json};
use service_kit::Problem;

use crate::domain::dates::render_time;
use crate::domain::logbook::Logbook;
use crate::history::chain::RecordKind;
use crate::store::entry_lists::list_matching_entries;
use crate::store::filter_conditions::find_scope;
use crate::store::logbooks::{self, Record};
use crate::stream::{EntryStreams, SseEvent, Topic};

/// Records that are read at once.
const CHUNK_RECORDS: i64 = 100;
/// Entries of one record that are sent; of a larger change a listener is told to read again.
const MAX_ENTRIES: usize = 200;

impl EntryStreams {
    /// The next records after a position; none at the end.
    pub(super) async fn read_events(&self, topic: &Topic, after: i64) -> Result<Vec<SseEvent>, Problem> {
        let Topic { logbook, filter } = topic;
        let mut tx = self.db.read().await?;
        let Some(id) = logbooks::find_logbook(&mut tx, logbook).await? else { return Ok(Vec::new()) };
        let records: Vec<(i64, String, Record)> = if matches!(logbook, Logbook::Instrument(_)) {
            logbooks::list_feed(&mut tx, id, after, CHUNK_RECORDS).await?
        } else {
            let found = logbooks::list_records(&mut tx, id, after, CHUNK_RECORDS).await?;
            found.into_iter().map(|record| (record.n, logbook.name(), record)).collect()
        };
        let ids_of_records: Vec<Vec<String>> = records.iter().map(|(.., record)| list_entry_ids(record)).collect();
        let small = ids_of_records.iter().filter(|ids| ids.len() <= MAX_ENTRIES);
        let ids: Vec<String> = small.flatten().collect::<HashSet<_>>().into_iter().cloned().collect();
        let scope = find_scope(&mut tx, logbook).await?;
        let found =
            if ids.is_empty() { Vec::new() } else { list_matching_entries(&mut tx, &ids, &scope, filter).await? };
        let rendered = self.renderer.render_within(&mut tx, &found).await?;
        let entries: HashMap<&str, Value> = found.iter().map(|entry| entry.id.as_str()).zip(rendered).collect();
        let events = records.iter().zip(&ids_of_records);
        Ok(events.map(|((position, name, record), ids)| render_event(*position, name, record, ids, &entries)).collect())
    }
}

fn render_event(
    position: i64,
    logbook: &str,
    record: &Record,
    ids: &[String],
    entries: &HashMap<&str, Value>,
) -> SseEvent {
    let many = ids.len() > MAX_ENTRIES;
    let (present, gone): (Vec<&String>, Vec<&String>) =
        if many { (Vec::new(), Vec::new()) } else { ids.iter().partition(|id| entries.contains_key(id.as_str())) };
    if record.kind == RecordKind::Created.name() && present.is_empty() {
        // The record does not match the filter; only its id is sent, for the next connection.
        return SseEvent { id: position, bytes: format!("id: {position}\n\n").into() };
    }
    let entries: Vec<&Value> = present.iter().filter_map(|id| entries.get(id.as_str())).collect();
    let data = json!({"record": record.n, "book": logbook, "kind": record.kind, "at": render_time(record.at),
        "entries": entries, "gone": gone, "many": many});
    SseEvent { id: position, bytes: format!("id: {position}\nevent: {}\ndata: {data}\n\n", record.kind).into() }
}

/// The entries that a record is about.
fn list_entry_ids(record: &Record) -> Vec<String> {
    let body: Value = serde_json::from_str(&record.body).unwrap_or_default();
    let many = body["entries"].as_array().into_iter().flatten();
    many.chain(body.get("entry")).filter_map(Value::as_str).map(str::to_owned).collect()
}
