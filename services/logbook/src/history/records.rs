//! Appending records to a logbook's chain, in the transaction of the change.

use std::collections::BTreeSet;

use events::messages::logbook::{BookClosed, EntryChanged, Verb};
use serde::Serialize;
use service_kit::{DbError, Micros, Tx};

use crate::domain::entry::Entry;
use crate::domain::entry_content::EntryContent;
use crate::domain::logbook::Logbook;
use crate::history::History;
use crate::history::chain::{Link, RecordKind, hash_link};
use crate::history::signature::sign_head;
use crate::history::signing_key::SigningKey;
use crate::store::logbooks::{self, ChainEnd, Record};

/// An event lists no more entries than this; a larger change is several events.
const IDS_PER_EVENT: usize = 100;

/// Who does something, and when.
#[derive(Debug, Clone, Copy)]
pub struct Act<'a> {
    /// The user name.
    pub actor: &'a str,
    pub at: Micros,
}

/// A change of entries of one logbook.
#[derive(Debug, Clone, Copy)]
pub struct Change<'a> {
    pub logbook_id: i64,
    pub kind: RecordKind,
    pub entries: &'a [Entry],
    pub act: Act<'a>,
}

/// The body of records that hold a version.
#[derive(Debug, Serialize)]
struct VersionBody<'a> {
    entry: &'a str,
    version: i64,
    event: &'a EntryContent,
}

impl History {
    /// Appends a record and an event; the record's number. The record also goes into the feeds of the instruments whose
    /// entries it is about.
    pub async fn append_record(&self, tx: &mut Tx, change: Change<'_>, body: &str) -> Result<i64, DbError> {
        let Change { logbook_id, kind, entries, act } = change;
        let end = logbooks::extend_chain(tx, logbook_id).await?;
        insert_linked_record(tx, logbook_id, &end, kind, act, body).await?;
        let instruments = entries.iter().filter_map(|entry| entry.content.instrument_name.as_deref());
        let instruments = instruments.filter(|name| !name.trim().is_empty());
        // Always in the same order, to avoid deadlocks.
        let instruments: BTreeSet<Logbook> = instruments.map(|name| Logbook::from_ids(None, Some(name))).collect();
        for instrument in instruments {
            let id = logbooks::find_or_create_logbook(tx, &instrument).await?;
            logbooks::append_to_feed(tx, id, logbook_id, end.n).await?;
        }
        let ids: Vec<String> = entries.iter().map(|entry| entry.id.clone()).collect();
        for ids in ids.chunks(IDS_PER_EVENT) {
            let event = EntryChanged {
                book: end.name.clone(),
                record: end.n,
                verb: to_verb(kind).into(),
                entry_ids: ids.to_vec(),
                actor: act.actor.to_owned(),
            };
            self.outbox.emit(tx, &event).await?;
        }
        // Listeners of this process need not wait for the bus.
        tx.notify_on_commit(&self.wake);
        Ok(end.n)
    }

    /// Appends a record that holds a version of an entry.
    pub async fn append_version(
        &self,
        tx: &mut Tx,
        kind: RecordKind,
        act: Act<'_>,
        entry: &Entry,
    ) -> Result<(), DbError> {
        let body = VersionBody { entry: &entry.id, version: entry.version, event: &entry.content };
        let body =
            serde_json::to_string(&body).map_err(|e| DbError::Setup(format!("a record that is no JSON: {e}")))?;
        let logbook_id = entry.logbook_id;
        let change = Change { logbook_id, kind, entries: std::slice::from_ref(entry), act };
        let n = self.append_record(tx, change, &body).await?;
        logbooks::insert_version(tx, &entry.id, entry.version, logbook_id, n).await
    }

    /// Appends the record that closes a logbook, with the signature over everything before it.
    pub async fn close_logbook(
        &self,
        tx: &mut Tx,
        logbook_id: i64,
        key: &SigningKey,
        act: Act<'_>,
    ) -> Result<(), DbError> {
        let end = logbooks::extend_chain(tx, logbook_id).await?;
        let signature = sign_head(key.pair(), &end.name, end.n - 1, &end.previous, act.at);
        let body = serde_json::to_string(&signature).unwrap_or_default();
        insert_linked_record(tx, logbook_id, &end, RecordKind::Closed, act, &body).await?;
        logbooks::set_closed(tx, logbook_id, end.n).await?;
        self.outbox.emit(tx, &BookClosed { book: end.name, record: end.n }).await
    }
}

async fn insert_linked_record(
    tx: &mut Tx,
    logbook_id: i64,
    end: &ChainEnd,
    kind: RecordKind,
    act: Act<'_>,
    body: &str,
) -> Result<(), DbError> {
    let (ChainEnd { name, n, previous }, Act { actor, at }) = (end, act);
    let link = Link { logbook: name, n: *n, kind: kind.name(), at, actor, body, previous };
    let record = Record {
        n: *n,
        kind: kind.name().to_owned(),
        at,
        actor: actor.to_owned(),
        body: body.to_owned(),
        previous: previous.clone(),
        hash: hash_link(&link),
    };
    logbooks::insert_record(tx, logbook_id, &record).await
}

fn to_verb(kind: RecordKind) -> Verb {
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
