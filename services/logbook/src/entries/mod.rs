//! What is done with entries: each is one transaction of the entry's state, a record in the logbook's chain, and an event.

pub mod assign_worker;
pub mod beamline_entries;
pub mod create;
pub mod fill_instruments;
pub mod hide;
pub mod lock;
pub mod move_entries;
pub mod render;
pub mod tags;
pub mod update;

use events::messages::logbook::{EntryChanged, Verb};
use serde::{Deserialize, Serialize};
use service_kit::{DbError, Tx};

use crate::domain::chain::RecordKind;
use crate::domain::entry_content::Event;
use crate::domain::ids;
use crate::domain::logbook::Book;
pub use crate::entries::create::{NewEntry, NewFile, create, create_as, insert};
pub use crate::entries::fill_instruments::fill_instruments;
pub use crate::entries::hide::set_removed;
pub use crate::entries::move_entries::{attach, relocate};
pub use crate::entries::render::{show, show_all};
pub use crate::entries::tags::retag;
pub use crate::entries::update::{Match, change};
use crate::state::State;
use crate::store::entries::Scope;
use crate::store::logbooks::Act;
use crate::store::tags::Tag;
use crate::store::{attachments, entries, logbooks, tags as tag_rows};

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
        book => Scope::Book(logbooks::find(tx, book).await?.unwrap_or(0)),
    })
}

/// What happened to entries of one logbook.
#[derive(Debug, Clone, Copy)]
struct Happened<'a> {
    book_id: i64,
    kind: RecordKind,
    entries: &'a [entries::Entry],
    act: Act<'a>,
}

/// Appends a record and tells others, in the transaction of the change; the record's number.
async fn record(state: &State, tx: &mut Tx, happened: Happened<'_>, body: &str) -> Result<i64, DbError> {
    let Happened { book_id, kind, entries, act } = happened;
    let instruments = entries.iter().filter_map(|entry| entry.event.instrument_name.as_deref());
    let (n, name) =
        logbooks::append(tx, book_id, kind, act, body, instruments.filter(|name| !name.trim().is_empty())).await?;
    let ids: Vec<String> = entries.iter().map(|entry| entry.id.clone()).collect();
    for ids in ids.chunks(IDS_PER_EVENT) {
        let event = EntryChanged {
            book: name.clone(),
            record: n,
            verb: verb(kind).into(),
            entry_ids: ids.to_vec(),
            actor: act.actor.to_owned(),
        };
        state.outbox.emit(tx, &event).await?;
    }
    // Those who listen here need not wait for the bus.
    tx.notify_on_commit(&state.live.wake);
    Ok(n)
}

fn verb(kind: RecordKind) -> Verb {
    match kind {
        RecordKind::Closed => Verb::Unspecified,
        RecordKind::Created => Verb::Created,
        RecordKind::Changed => Verb::Changed,
        RecordKind::Removed => Verb::Removed,
        RecordKind::Restored => Verb::Restored,
        RecordKind::Tagged => Verb::Tagged,
        RecordKind::MovedOut | RecordKind::MovedIn => Verb::Moved,
    }
}

/// Tags that an entry names and nobody has defined yet become tags of its logbook.
async fn define_tags(state: &State, tx: &mut Tx, book: &Book, event: &Event) -> Result<(), DbError> {
    for name in &event.tags {
        let mut known = false;
        let instrument = event.instrument_name.as_deref().map(|name| Book::of(None, Some(name)));
        for scope in [Some(&Book::Facility), Some(book), instrument.as_ref()].into_iter().flatten() {
            known = known || tag_rows::named(tx, &tag_rows::scope(scope), name).await?.is_some();
        }
        if !known {
            let id = ids::new(&*state.ids, state.clock.now());
            tag_rows::add(tx, &Tag { id, ..tag_of(book, name) }).await?;
        }
    }
    Ok(())
}

/// A tag of a logbook without an id.
pub fn tag_of(book: &Book, name: &str) -> Tag {
    Tag {
        id: String::new(),
        scope: tag_rows::scope(book),
        name: name.to_owned(),
        description: None,
        color: None,
        beamline: if let Book::Instrument(instrument) = book { Some(instrument.to_uppercase()) } else { None },
        investigation_id: if let Book::Investigation(id) = book { Some(*id) } else { None },
    }
}

/// Appends a record that holds a version of an entry.
async fn record_version(
    state: &State,
    tx: &mut Tx,
    kind: RecordKind,
    act: Act<'_>,
    entry: &entries::Entry,
) -> Result<(), DbError> {
    let body = VersionBody { entry: entry.id.clone(), version: entry.version, event: entry.event.clone() };
    let body = serde_json::to_string(&body).map_err(|e| DbError::Setup(format!("a record that is no JSON: {e}")))?;
    let happened = Happened { book_id: entry.book_id, kind, entries: std::slice::from_ref(entry), act };
    let n = record(state, tx, happened, &body).await?;
    logbooks::note_version(tx, &entry.id, entry.version, entry.book_id, n).await
}

/// Files of an entry that are on disk.
async fn add_files(tx: &mut Tx, entry: &str, files: &[NewFile], at: i64) -> Result<(), DbError> {
    for file in files {
        attachments::add(tx, file, entry, at).await?;
    }
    Ok(())
}
