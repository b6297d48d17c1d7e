//! Entries as clients read them: with the versions before, and with addresses of attachments that a page can open.

use std::collections::HashMap;

use serde_json::Value;
use service_kit::{Problem, Tx};

use crate::attachments::signed_url;
use crate::domain::entry_content::Event;
use crate::domain::entry_html;
use crate::domain::rendered_entry::{EntryBody, Shown};
use crate::state::State;
use crate::store::entries::Entry;
use crate::store::{attachments, entries};

/// Versions before the present one that an entry holds within one another; all of them stand in the history. Readers of
/// JSON give up at a depth of some hundred.
const MOST_VERSIONS: i64 = 100;

pub async fn show(state: &State, tx: &mut Tx, entry: &Entry) -> Result<Value, Problem> {
    let mut shown = show_all(state, tx, std::slice::from_ref(entry)).await?;
    Ok(shown.pop().unwrap_or(Value::Null))
}

pub async fn show_all(state: &State, tx: &mut Tx, found: &[Entry]) -> Result<Vec<Value>, Problem> {
    let edited: Vec<String> = found.iter().filter(|entry| entry.version > 1).map(|entry| entry.id.clone()).collect();
    let mut earlier: HashMap<String, Vec<(i64, i64, Event)>> = HashMap::new();
    if !edited.is_empty() {
        for (id, version, at, event) in entries::versions(tx, &edited, MOST_VERSIONS).await? {
            earlier.entry(id).or_default().push((version, at, event));
        }
    }
    let mut shown = Vec::with_capacity(found.len());
    for entry in found {
        let mut previous = Value::Null;
        let versions = earlier.remove(&entry.id).unwrap_or_default();
        for (_, at, event) in versions.into_iter().filter(|(version, ..)| *version < entry.version) {
            let past = Shown { id: &entry.id, created_at: entry.created_at, updated_at: at, removed: false };
            let event = opened(state, tx, entry.book_id, event).await?;
            previous = to_json(EntryBody::from_event(event, &past, previous))?;
        }
        let Entry { id, created_at, updated_at, removed, .. } = entry;
        let present = Shown { id, created_at: *created_at, updated_at: *updated_at, removed: *removed };
        let event = opened(state, tx, entry.book_id, entry.event.clone()).await?;
        shown.push(to_json(EntryBody::from_event(event, &present, previous))?);
    }
    Ok(shown)
}

/// The versions before are moved and not written again, because each holds all before it.
fn to_json(mut entry: EntryBody) -> Result<Value, Problem> {
    let previous = std::mem::take(&mut entry.previous_version_event);
    let mut shown = serde_json::to_value(entry).map_err(Problem::internal)?;
    shown["previousVersionEvent"] = previous;
    Ok(shown)
}

/// Sanitised once more, in case the rules have become stricter since it was written. Images are opened by tickets, but for
/// attachments of the same logbook alone: whoever reads it may see them.
async fn opened(state: &State, tx: &mut Tx, book: i64, mut event: Event) -> Result<Event, Problem> {
    for part in &mut event.content {
        let is_html = part.is_html();
        let Some(text) = part.text.as_mut().filter(|_| is_html) else { continue };
        let named = entry_html::attachments(text);
        let mut addresses = HashMap::new();
        if !named.is_empty() {
            for id in attachments::of_book(tx, &named, book).await? {
                let address = signed_url::address(state, &id)?;
                addresses.insert(id, address);
            }
        }
        *text = entry_html::with_addresses(text, addresses);
    }
    Ok(event)
}
