//! A new entry.

use service_kit::{DbError, Problem};

use super::{add_files, define_tags, record_version};
use crate::attachments::Stored;
use crate::domain::book::Book;
use crate::domain::chain::RecordKind;
use crate::domain::event::Event;
use crate::domain::ids;
use crate::embedded;
use crate::state::State;
use crate::store::books::{self, Act};
use crate::store::entries::{self, Entry};

/// What is to be written, and where.
#[derive(Debug, Clone)]
pub struct NewEntry {
    pub book: Book,
    pub event: Event,
    pub files: Vec<NewFile>,
    /// By a program, after the investigation was released.
    pub late: bool,
    /// User name of who writes.
    pub actor: String,
}

/// An attachment whose bytes are on disk.
#[derive(Debug, Clone)]
pub struct NewFile {
    pub id: String,
    pub filename: String,
    pub stored: Stored,
}

/// On disk when this returns. What its contents embed becomes attachments.
pub async fn create(state: &State, mut new: NewEntry) -> Result<Entry, Problem> {
    let id = ids::new(&*state.ids, state.clock.now());
    let embedded = embedded::take(state, &id, &mut new.event.content).await?;
    new.files.extend(embedded);
    new.event.files = new.files.iter().map(|file| file.id.clone()).collect();
    let now = state.clock.now_micros();
    let created = state
        .db
        .write(async |tx| -> Result<Entry, Problem> {
            let book_id = books::find_or_open(tx, &new.book).await?;
            let seq = tx.allocate_ids(1).await?.first().copied().ok_or(DbError::NoRow)?;
            let entry = Entry {
                id: id.clone(),
                seq,
                book_id,
                created_at: now,
                updated_at: now,
                version: 1,
                removed: false,
                late: new.late,
                event: new.event.clone(),
            };
            entries::create(tx, &entry).await?;
            add_files(tx, &entry.id, &new.files, now).await?;
            define_tags(state, tx, &new.book, &entry.event).await?;
            let act = Act { actor: &new.actor, at: now };
            record_version(state, tx, RecordKind::Created, act, &entry).await?;
            Ok(entry)
        })
        .await?;
    Ok(created)
}
