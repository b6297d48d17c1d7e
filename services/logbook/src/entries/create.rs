//! A new entry.

use service_kit::{DbError, Problem, Tx};

use crate::attachments::{Stored, inline_images};
use crate::domain::chain::RecordKind;
use crate::domain::entry_content::Event;
use crate::domain::ids;
use crate::domain::logbook::Book;
use crate::entries::{add_files, define_tags, record_version};
use crate::state::State;
use crate::store::entries::Entry;
use crate::store::logbooks::Act;
use crate::store::{entries, logbooks};

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
pub async fn create(state: &State, new: NewEntry) -> Result<Entry, Problem> {
    let id = ids::new(&*state.ids, state.clock.now());
    create_as(state, id, new).await?.ok_or_else(|| Problem::internal("a new id is that of another entry"))
}

/// The same with an id of its own; `None` if there is such an entry.
pub async fn create_as(state: &State, id: String, mut new: NewEntry) -> Result<Option<Entry>, Problem> {
    let embedded = inline_images::take(state, &id, &mut new.event.content).await?;
    new.files.extend(embedded);
    state.db.write_read_committed(async |tx| insert(state, tx, &id, &new).await).await
}

/// The rows of an entry whose contents are clean and whose files are stored, within a transaction that has done nothing yet.
pub async fn insert(state: &State, tx: &mut Tx, id: &str, new: &NewEntry) -> Result<Option<Entry>, Problem> {
    let now = state.clock.now_micros();
    let book_id = logbooks::find_or_open(tx, &new.book).await?;
    logbooks::take(tx, &[book_id]).await?;
    if entries::get(tx, id).await?.is_some() {
        return Ok(None);
    }
    let seq = tx.allocate_ids(1).await?.first().copied().ok_or(DbError::NoRow)?;
    let entry = Entry {
        id: id.to_owned(),
        seq,
        book_id,
        book: new.book.clone(),
        created_at: now,
        updated_at: now,
        version: 1,
        removed: false,
        late: new.late,
        event: Event { files: new.files.iter().map(|file| file.id.clone()).collect(), ..new.event.clone() },
    };
    entries::create(tx, &entry).await?;
    add_files(tx, &entry.id, &new.files, now).await?;
    define_tags(state, tx, &new.book, &entry.event).await?;
    record_version(state, tx, RecordKind::Created, Act { actor: &new.actor, at: now }, &entry).await?;
    Ok(Some(entry))
}
