//! Creating entries.

use service_kit::{DbError, Problem, Tx};

use crate::catalogue::permissions::WritableLogbook;
use crate::domain::entry::Entry;
use crate::domain::entry_content::EntryContent;
use crate::domain::ids;
use crate::domain::logbook::Logbook;
use crate::entries::{Entries, NewEntry};
use crate::history::chain::RecordKind;
use crate::history::records::Act;
use crate::store::{attachments, entries, logbooks};

/// Where an entry is stored.
#[derive(Debug, Clone)]
pub(super) struct Destination {
    pub logbook: Logbook,
    /// Written by a program after the investigation was released.
    pub late: bool,
}

impl Entries {
    /// The entry is on disk when this returns. Images embedded in its texts become attachments.
    pub async fn create_entry(&self, logbook: &WritableLogbook, new: NewEntry) -> Result<Entry, Problem> {
        let destination = Destination { logbook: Logbook::clone(logbook), late: false };
        self.create_in(&destination, new).await
    }

    /// The same for an entry of a program, which is always stored.
    pub(super) async fn create_in(&self, destination: &Destination, new: NewEntry) -> Result<Entry, Problem> {
        let id = ids::new_id(&*self.ids, self.clock.now());
        let created = self.create_with_id(destination, id, new).await?;
        created.ok_or_else(|| Problem::internal("a new id is that of another entry"))
    }

    /// Creates an entry with an id of its own; `None` if there is such an entry.
    pub async fn create_imported(
        &self,
        logbook: &WritableLogbook,
        id: String,
        new: NewEntry,
    ) -> Result<Option<Entry>, Problem> {
        let destination = Destination { logbook: Logbook::clone(logbook), late: false };
        self.create_with_id(&destination, id, new).await
    }

    async fn create_with_id(
        &self,
        destination: &Destination,
        id: String,
        mut new: NewEntry,
    ) -> Result<Option<Entry>, Problem> {
        let images = self.inline_images.extract_inline_images(&id, &mut new.content.parts).await?;
        new.files.extend(images);
        self.db.write_read_committed(async |tx| self.insert_entry(tx, destination, &id, &new).await).await
    }

    /// Creates an entry of the logbook itself, such as a notification about an event; `None` if there is an entry of this id.
    pub async fn insert_own_entry(
        &self,
        tx: &mut Tx,
        logbook: Logbook,
        id: &str,
        new: &NewEntry,
    ) -> Result<Option<Entry>, Problem> {
        self.insert_entry(tx, &Destination { logbook, late: false }, id, new).await
    }

    /// Inserts an entry whose texts are sanitized and whose files are stored, in a transaction that has done nothing yet.
    async fn insert_entry(
        &self,
        tx: &mut Tx,
        destination: &Destination,
        id: &str,
        new: &NewEntry,
    ) -> Result<Option<Entry>, Problem> {
        let Destination { logbook, late } = destination;
        let now = self.clock.now_micros();
        let logbook_id = logbooks::find_or_create_logbook(tx, logbook).await?;
        logbooks::lock_logbooks(tx, &[logbook_id]).await?;
        if entries::get_entry(tx, id).await?.is_some() {
            return Ok(None);
        }
        let seq = tx.allocate_ids(1).await?.first().copied().ok_or(DbError::NoRow)?;
        let files = new.files.iter().map(|file| file.id.clone()).collect();
        let entry = Entry {
            id: id.to_owned(),
            seq,
            logbook_id,
            logbook: logbook.clone(),
            created_at: now,
            updated_at: now,
            version: 1,
            removed: false,
            late: *late,
            content: EntryContent { files, ..new.content.clone() },
        };
        entries::insert_entry(tx, &entry).await?;
        attachments::insert_attachments(tx, &entry.id, &new.files, now).await?;
        self.tag_definitions.define_missing_tags(tx, logbook, &entry.content).await?;
        let act = Act { actor: &new.actor, at: now };
        self.history.append_version(tx, RecordKind::Created, act, &entry).await?;
        Ok(Some(entry))
    }
}
