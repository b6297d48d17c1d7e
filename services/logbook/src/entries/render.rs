//! Entries as clients read them: with the versions before, and with addresses of attachments that a page can open.

use std::collections::HashMap;

use serde_json::Value;
use service_kit::{Micros, Problem, Tx};

use crate::domain::entry::Entry;
use crate::domain::entry_content::EntryContent;
use crate::domain::entry_html;
use crate::domain::rendered_entry::{EntryMeta, RenderedEntry};
use crate::entries::EntryRenderer;
use crate::store::{attachments, entry_lists};

/// Versions before the present one that an entry holds within one another; all of them stand in the history. Readers of
/// JSON give up at a depth of some hundred.
const MAX_VERSIONS: i64 = 100;

impl EntryRenderer {
    pub async fn render_entry(&self, entry: &Entry) -> Result<Value, Problem> {
        let mut rendered = self.render_entries(std::slice::from_ref(entry)).await?;
        Ok(rendered.pop().unwrap_or(Value::Null))
    }

    pub async fn render_entries(&self, entries: &[Entry]) -> Result<Vec<Value>, Problem> {
        self.render_within(&mut self.db.read().await?, entries).await
    }

    /// The same within a transaction.
    pub async fn render_within(&self, tx: &mut Tx, entries: &[Entry]) -> Result<Vec<Value>, Problem> {
        let is_edited = |entry: &&Entry| entry.version > 1;
        let edited: Vec<String> = entries.iter().filter(is_edited).map(|entry| entry.id.clone()).collect();
        let mut earlier: HashMap<String, Vec<(i64, Micros, EntryContent)>> = HashMap::new();
        if !edited.is_empty() {
            for version in entry_lists::list_versions(tx, &edited, MAX_VERSIONS).await? {
                earlier.entry(version.entry).or_default().push((version.version, version.at, version.content));
            }
        }
        let mut rendered = Vec::with_capacity(entries.len());
        for entry in entries {
            let mut previous = Value::Null;
            let versions = earlier.remove(&entry.id).unwrap_or_default();
            for (_, at, content) in versions.into_iter().filter(|(version, ..)| *version < entry.version) {
                let meta = EntryMeta { updated_at: at, removed: false, ..EntryMeta::from_entry(entry) };
                let content = self.open_attachments(tx, entry.logbook_id, content).await?;
                previous = to_json(RenderedEntry::from_content(content, &meta, previous))?;
            }
            let content = self.open_attachments(tx, entry.logbook_id, entry.content.clone()).await?;
            let meta = EntryMeta::from_entry(entry);
            rendered.push(to_json(RenderedEntry::from_content(content, &meta, previous))?);
        }
        Ok(rendered)
    }

    /// Sanitizes the texts once more, in case the rules have become stricter since they were written, and signs addresses of
    /// images, but only of attachments of the same logbook: whoever reads it may see them.
    async fn open_attachments(
        &self,
        tx: &mut Tx,
        logbook_id: i64,
        mut content: EntryContent,
    ) -> Result<EntryContent, Problem> {
        for part in &mut content.parts {
            let is_html = part.is_html();
            let Some(text) = part.text.as_mut().filter(|_| is_html) else { continue };
            let named = entry_html::list_attachment_ids(text);
            let mut addresses = HashMap::new();
            if !named.is_empty() {
                for id in attachments::filter_by_logbook(tx, &named, logbook_id).await? {
                    let address = self.signed_urls.sign_attachment_url(&id)?;
                    addresses.insert(id, address);
                }
            }
            *text = entry_html::replace_attachment_addresses(text, addresses);
        }
        Ok(content)
    }
}

/// The versions before are moved and not written again, because each holds all before it.
fn to_json(mut entry: RenderedEntry) -> Result<Value, Problem> {
    let previous = std::mem::take(&mut entry.previous_version_event);
    let mut rendered = serde_json::to_value(entry).map_err(Problem::internal)?;
    rendered["previousVersionEvent"] = previous;
    Ok(rendered)
}
