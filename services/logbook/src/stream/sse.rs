//! Records as server-sent events (HTML standard, section 9.2).

use std::collections::{HashMap, HashSet};

use serde_json::{Value, json};
use service_kit::Problem;

use crate::domain::chain::RecordKind;
use crate::domain::dates;
use crate::domain::logbook::Book;
use crate::entries;
use crate::state::State;
use crate::store::entries::matching;
use crate::store::logbooks;
use crate::store::logbooks::Record;
use crate::stream::{Frame, Key};

/// Records of a piece.
const PIECE: i64 = 100;
/// Entries of one record that are sent; of a larger change a reader is told to read again.
const MOST_ENTRIES: usize = 200;

/// The next records after a place; none at the end.
pub(super) async fn frames(state: &State, key: &Key, after: i64) -> Result<Vec<Frame>, Problem> {
    let mut tx = state.db.read().await?;
    let Some(id) = logbooks::find(&mut tx, &key.book).await? else { return Ok(Vec::new()) };
    let records: Vec<(i64, String, Record)> = if matches!(key.book, Book::Instrument(_)) {
        logbooks::feed(&mut tx, id, after, PIECE).await?
    } else {
        let found = logbooks::records(&mut tx, id, after, PIECE).await?;
        found.into_iter().map(|record| (record.n, key.book.name(), record)).collect()
    };
    let named: Vec<Vec<String>> = records.iter().map(|(.., record)| entry_ids(record)).collect();
    let few = || named.iter().filter(|ids| ids.len() <= MOST_ENTRIES);
    let ids: Vec<String> = few().flatten().collect::<HashSet<_>>().into_iter().cloned().collect();
    let scope = entries::scope(&mut tx, &key.book).await?;
    let found = if ids.is_empty() { Vec::new() } else { matching(&mut tx, &ids, &scope, &key.filter).await? };
    let shown = entries::show_all(state, &mut tx, &found).await?;
    let shown: HashMap<&str, Value> = found.iter().map(|entry| entry.id.as_str()).zip(shown).collect();
    Ok(records
        .iter()
        .zip(&named)
        .map(|((place, book, record), ids)| frame(*place, book, record, ids, &shown))
        .collect())
}

fn frame(place: i64, book: &str, record: &Record, ids: &[String], shown: &HashMap<&str, Value>) -> Frame {
    let many = ids.len() > MOST_ENTRIES;
    let (present, gone): (Vec<&String>, Vec<&String>) =
        if many { (Vec::new(), Vec::new()) } else { ids.iter().partition(|id| shown.contains_key(id.as_str())) };
    if record.kind == RecordKind::Created.name() && present.is_empty() {
        // Not what this reader asked for; the number alone, for the next time.
        return Frame { n: place, bytes: format!("id: {place}\n\n").into() };
    }
    let entries: Vec<&Value> = present.iter().filter_map(|id| shown.get(id.as_str())).collect();
    let data = json!({"record": record.n, "book": book, "kind": record.kind, "at": dates::shown(record.at),
        "entries": entries, "gone": gone, "many": many});
    Frame { n: place, bytes: format!("id: {place}\nevent: {}\ndata: {data}\n\n", record.kind).into() }
}

/// The entries that a record is about.
fn entry_ids(record: &Record) -> Vec<String> {
    let body: Value = serde_json::from_str(&record.body).unwrap_or_default();
    let many = body["entries"].as_array().into_iter().flatten();
    many.chain(body.get("entry")).filter_map(Value::as_str).map(str::to_owned).collect()
}
