//! Entries as clients read them: with the versions before, and with addresses of attachments that a page can open.

use std::collections::HashMap;

use serde_json::Value;
use service_kit::{Problem, Tx};

use crate::domain::content;
use crate::domain::event::{Event, Shown};
use crate::state::State;
use crate::store::entries::{self, Entry};
use crate::tickets;

pub async fn show(state: &State, tx: &mut Tx, entry: &Entry) -> Result<Value, Problem> {
    let mut shown = show_all(state, tx, std::slice::from_ref(entry)).await?;
    Ok(shown.pop().unwrap_or(Value::Null))
}

pub async fn show_all(state: &State, tx: &mut Tx, found: &[Entry]) -> Result<Vec<Value>, Problem> {
    let edited: Vec<String> = found.iter().filter(|entry| entry.version > 1).map(|entry| entry.id.clone()).collect();
    let mut earlier: HashMap<String, Vec<(i64, i64, Event)>> = HashMap::new();
    if !edited.is_empty() {
        for (id, version, at, event) in entries::versions(tx, &edited).await? {
            earlier.entry(id).or_default().push((version, at, event));
        }
    }
    let mut shown = Vec::with_capacity(found.len());
    for entry in found {
        let mut previous = Value::Null;
        let versions = earlier.remove(&entry.id).unwrap_or_default();
        for (_, at, event) in versions.into_iter().filter(|(version, ..)| *version < entry.version) {
            let past = Shown { id: &entry.id, created_at: entry.created_at, updated_at: at, removed: false };
            previous = opened(state, event).await?.shown(&past, &previous);
        }
        let Entry { id, created_at, updated_at, removed, .. } = entry;
        let present = Shown { id, created_at: *created_at, updated_at: *updated_at, removed: *removed };
        shown.push(opened(state, entry.event.clone()).await?.shown(&present, &previous));
    }
    Ok(shown)
}

/// Sanitised once more, in case the rules have become stricter since it was written.
async fn opened(state: &State, mut event: Event) -> Result<Event, Problem> {
    for part in &mut event.content {
        let is_html = part.is_html();
        let Some(text) = part.text.as_mut().filter(|_| is_html) else { continue };
        let clean = content::sanitised(text);
        let mut addresses = HashMap::new();
        for id in content::attachments(&clean) {
            let address = tickets::address(state, &id).await?;
            addresses.insert(id, address);
        }
        *text = content::with_addresses(&clean, &addresses);
    }
    Ok(event)
}
