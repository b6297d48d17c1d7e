//! Entries from an `.eln` that a logbook has exported, for another logbook or another facility.
//!
//! The archive is checked to its end before the first entry is written. Ids follow from those in the archive, so that the same
//! archive a second time, or after a crash, adds nothing twice.

mod archive;

use std::fs::File;

use service_kit::Problem;
use tokio::sync::mpsc;

use self::archive::{Found, Limits};
use crate::domain::book::Book;
use crate::domain::{content, ids};
use crate::entries::{self, NewEntry, NewFile};
use crate::error::Error;
use crate::state::State;

/// Entries that are read ahead.
const AHEAD: usize = 4;
/// The part of an id that says when.
const TIME_DIGITS: usize = 14;

/// What became of the entries of an archive.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Imported {
    pub created: u64,
    /// They were there already.
    pub present: u64,
}

pub async fn import(state: &State, book: &Book, file: File, actor: &str) -> Result<Imported, Problem> {
    let limits =
        Limits { attachment: state.config.largest_attachment.as_u64(), all: state.config.largest_import.as_u64() * 8 };
    let again = file.try_clone().map_err(Problem::internal)?;
    let checked = state.documents.run(move || archive::walk(&file, limits, |_| Ok(()))).await?;
    checked.map_err(Error::BadArchive)?;

    let (sender, receiver) = mpsc::channel(AHEAD);
    let reading = state.documents.run(move || {
        archive::walk(&again, limits, |found| {
            sender.blocking_send(found).map_err(|_| "nobody imports it any more".to_owned())
        })
    });
    let writing = async {
        // Goes when an entry cannot be written, so that the reader does not wait for its place.
        let mut receiver = receiver;
        let mut imported = Imported::default();
        while let Some(found) = receiver.recv().await {
            if write(state, book, found, actor).await? {
                imported.created += 1;
            } else {
                imported.present += 1;
            }
        }
        Ok::<_, Problem>(imported)
    };
    let (read, written) = tokio::join!(reading, writing);
    // What could not be written is the cause, also of what is not read any more.
    let imported = written?;
    read?.map_err(Error::BadArchive)?;
    Ok(imported)
}

/// Whether it was new.
async fn write(state: &State, book: &Book, found: Found, actor: &str) -> Result<bool, Problem> {
    let Found { line, files: bytes } = found;
    let name = book.name();
    let new_id = |old: &str| ids::of_embedded(&name, old);
    let mut event = line.event;
    event.investigation_id = Book::investigation(&name);
    match book {
        // With a proposal it would wait for an investigation, and go there.
        Book::Instrument(instrument) => {
            (event.investigation_name, event.instrument_name) = (None, Some(instrument.to_uppercase()));
        }
        Book::Investigation(_) => {}
        // Else it would seem to wait for an investigation.
        Book::Facility | Book::Unplaced => (event.investigation_name, event.instrument_name) = (None, None),
    }
    for part in event.content.iter_mut().filter(|part| part.is_html()) {
        if let Some(text) = &mut part.text {
            for old in content::attachments(text) {
                *text = text.replace(&old, &new_id(&old));
            }
        }
    }
    let mut files = Vec::with_capacity(bytes.len());
    for (file, bytes) in line.files.into_iter().zip(bytes) {
        let stored = state.attachments.put(state, bytes).await?;
        files.push(NewFile { id: new_id(&file.id), filename: file.filename, stored });
    }
    let new = NewEntry { book: book.clone(), event, files, late: false, actor: actor.to_owned() };
    // An id begins with its time, by which lists sort.
    let id = format!("{}{}", &line.id[..TIME_DIGITS], &new_id(&line.id)[TIME_DIGITS..]);
    Ok(entries::create_as(state, id, new).await?.is_some())
}
