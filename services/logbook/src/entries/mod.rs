//! What is done with entries: each is one transaction of the entry's state, a record in the logbook's chain, and an event.

mod change;
mod create;
mod relocate;
mod remove;
mod show;
mod tag;

use events::messages::logbook::{EntryChanged, Verb};
use serde::{Deserialize, Serialize};
use service_kit::{DbError, Tx};

pub use self::change::{Match, change};
pub use self::create::{NewEntry, NewFile, create};
pub use self::relocate::{attach, relocate};
pub use self::remove::set_removed;
pub use self::show::{show, show_all};
pub use self::tag::retag;
use crate::domain::book::Book;
use crate::domain::event::Event;
use crate::domain::ids;
use crate::state::State;
use crate::store::books::Act;
use crate::store::entries::Scope;
use crate::store::tags::{self, Tag};
use crate::store::{attachments, books, entries};

/// An event lists no more entries than this; a larger change is several events.
const IDS_PER_EVENT: usize = 100;

/// The body of records that hold a version.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct VersionBody {
    pub entry: String,
    pub version: i64,
    pub event: Event,
}

/// Whose entries a request is about.
pub async fn scope(tx: &mut Tx, book: &Book) -> Result<Scope, DbError> {
    Ok(match book {
        Book::Instrument(name) => Scope::Instrument(name.clone()),
        // A logbook without a record has no row; no row has the id 0.
        book => Scope::Book(books::find(tx, book).await?.unwrap_or(0)),
    })
}

/// Tells others, in the transaction of the change.
async fn tell(
    state: &State,
    tx: &mut Tx,
    book: &str,
    record: i64,
    verb: Verb,
    ids: &[String],
    actor: &str,
) -> Result<(), DbError> {
    for ids in ids.chunks(IDS_PER_EVENT) {
        let event = EntryChanged {
            book: book.to_owned(),
            record,
            verb: verb.into(),
            entry_ids: ids.to_vec(),
            actor: actor.to_owned(),
        };
        state.outbox.emit(tx, &event).await?;
    }
    Ok(())
}

/// Tags that an entry names and nobody has defined yet become tags of its logbook.
async fn define_tags(state: &State, tx: &mut Tx, book: &Book, event: &Event) -> Result<(), DbError> {
    for name in &event.tags {
        let mut known = false;
        let instrument = event.instrument_name.as_deref().map(|name| Book::of(None, Some(name)));
        for scope in [Some(&Book::Facility), Some(book), instrument.as_ref()].into_iter().flatten() {
            known = known || tags::named(tx, &tags::scope(scope), name).await?.is_some();
        }
        if !known {
            let id = ids::new(&*state.ids, state.clock.now());
            tags::add(tx, &Tag { id, ..tag_of(book, name) }).await?;
        }
    }
    Ok(())
}

/// A tag of a logbook without an id.
pub fn tag_of(book: &Book, name: &str) -> Tag {
    Tag {
        id: String::new(),
        scope: tags::scope(book),
        name: name.to_owned(),
        description: None,
        color: None,
        beamline: if let Book::Instrument(instrument) = book { Some(instrument.to_uppercase()) } else { None },
        investigation_id: if let Book::Investigation(id) = book { Some(*id) } else { None },
    }
}

/// Appends a record that holds a version of an entry; its number.
async fn record_version(
    tx: &mut Tx,
    kind: crate::domain::chain::RecordKind,
    act: Act<'_>,
    entry: &entries::Entry,
) -> Result<i64, DbError> {
    let body = VersionBody { entry: entry.id.clone(), version: entry.version, event: entry.event.clone() };
    let body = serde_json::to_string(&body).map_err(|e| DbError::Setup(format!("a record that is no JSON: {e}")))?;
    let n = books::append(tx, entry.book_id, kind, act, &body).await?;
    books::note_version(tx, &entry.id, entry.version, entry.book_id, n).await?;
    Ok(n)
}

/// Files of an entry that are on disk.
async fn add_files(tx: &mut Tx, entry: &str, files: &[NewFile], at: i64) -> Result<(), DbError> {
    for file in files {
        let attachment = attachments::Attachment {
            id: file.id.clone(),
            sha256: file.stored.sha256.clone(),
            bytes: file.stored.bytes,
            media_type: file.stored.media_type.to_owned(),
            filename: file.filename.clone(),
            entry_id: entry.to_owned(),
        };
        attachments::add(tx, &attachment, at).await?;
    }
    Ok(())
}
