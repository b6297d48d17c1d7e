//! Updating an entry: a new version.

use identity::Caller;
use service_kit::{Problem, Tx};

use crate::domain::entry::{Entry, VersionCondition};
use crate::domain::entry_content::EntryContent;
use crate::domain::entry_kind::EntryType;
use crate::entries::Entries;
use crate::error::Error;
use crate::history::chain::RecordKind;
use crate::history::records::Act;
use crate::store::attachments::{self, NewAttachment};
use crate::store::{entries, logbooks};

/// A new version of an entry.
struct Update<'a> {
    /// The logbook in which the entry is expected.
    logbook_id: i64,
    id: &'a str,
    content: &'a EntryContent,
    /// Attachments that its texts embed.
    images: &'a [NewAttachment],
    condition: &'a VersionCondition,
    actor: &'a str,
}

impl Entries {
    /// Replaces what people write: texts, title, tags, category. Author, time and logbook stay. The same values again make no
    /// version, because clients repeat a PUT whose answer was late. `seen` is the entry as the caller, who may write the
    /// logbook it was in then, has found it; if it was moved since, the caller must be allowed to write where it is now.
    pub async fn update_entry(
        &self,
        caller: &Caller,
        seen: &Entry,
        mut content: EntryContent,
        condition: &VersionCondition,
    ) -> Result<Entry, Problem> {
        let images = self.inline_images.extract_inline_images(&seen.id, &mut content.parts).await?;
        let actor = &caller.subject().icat_user_name;
        let mut logbook_id = seen.logbook_id;
        loop {
            let update = Update { logbook_id, id: &seen.id, content: &content, images: &images, condition, actor };
            if let Some(entry) = self.write_update(&update).await? {
                return Ok(entry);
            }
            // The entry was moved; each round is another move.
            let found = entries::get_entry(&mut self.db.read().await?, &seen.id).await?;
            let moved = require_present(found, &seen.id)?;
            self.permissions.require_write(caller, &moved.logbook).await?;
            logbook_id = moved.logbook_id;
        }
    }

    /// The entry as it is now; `None` if it is in another logbook.
    async fn write_update(&self, update: &Update<'_>) -> Result<Option<Entry>, Problem> {
        self.db
            .write_read_committed(async |tx| -> Result<Option<Entry>, Problem> {
                logbooks::lock_logbooks(tx, &[update.logbook_id]).await?;
                let entry = require_present(entries::get_entry(tx, update.id).await?, update.id)?;
                if entry.logbook_id != update.logbook_id {
                    return Ok(None);
                }
                self.apply_update(tx, update, entry).await.map(Some)
            })
            .await
    }

    async fn apply_update(&self, tx: &mut Tx, update: &Update<'_>, mut entry: Entry) -> Result<Entry, Problem> {
        let Update { id, content: new, images, condition, actor, .. } = *update;
        if let VersionCondition::OneOf(etags) = condition
            && !etags.contains(&entry.etag().map_err(Problem::internal)?)
        {
            return Err(Error::VersionConflict.into());
        }
        let mut content = EntryContent {
            kind: new.kind,
            category: new.category,
            parts: new.parts.clone(),
            tags: new.tags.clone(),
            title: new.title.clone(),
            ..entry.content.clone()
        };
        if content == entry.content {
            return Ok(entry);
        }
        if entry.content.kind == EntryType::Notification && new.kind == EntryType::Notification {
            return Err(Error::NotEditable.into());
        }
        let is_new = |file: &&NewAttachment| !entry.content.files.contains(&file.id);
        let added: Vec<NewAttachment> = images.iter().filter(is_new).cloned().collect();
        content.files.extend(added.iter().map(|file| file.id.clone()));
        let now = self.clock.now_micros();
        entry.content = content;
        entry.version += 1;
        entry.updated_at = now;
        entries::update_entry(tx, &entry).await?;
        attachments::insert_attachments(tx, id, &added, now).await?;
        self.tag_definitions.define_missing_tags(tx, &entry.logbook, &entry.content).await?;
        self.history.append_version(tx, RecordKind::Changed, Act { actor, at: now }, &entry).await?;
        Ok(entry)
    }
}

fn require_present(found: Option<Entry>, id: &str) -> Result<Entry, Error> {
    found.filter(|entry| !entry.removed).ok_or_else(|| Error::NoSuchEntry(id.to_owned()))
}
