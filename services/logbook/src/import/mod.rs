//! Entries from an `.eln`: one that a logbook has exported, for another logbook or another facility, or one of another
//! notebook, which is kept beside them.
//!
//! The archive is checked to its end before the first entry is written. Ids follow from those in the archive, so that the same
//! archive a second time, or after a crash, adds nothing twice.

pub mod archive;
pub mod foreign;
pub mod foreign_text;
pub mod ro_crate;

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::mem::take;
use std::os::unix::fs::FileExt as _;

use jiff::tz::TimeZone;
use serde::Serialize;
use service_kit::Problem;
use tokio::sync::mpsc;
use utoipa::ToSchema;

use crate::attachments::{Stored, Upload};
use crate::domain::entry_content::Event;
use crate::domain::logbook::Book;
use crate::domain::{entry_html, ids};
use crate::entries::{NewEntry, NewFile};
use crate::error::Error;
use crate::export::Line;
use crate::import::archive::{Item, Limits, PIECE};
use crate::state::State;
use crate::{entries, store};

/// Pieces of files, or entries, that are read ahead.
const AHEAD: usize = 4;
/// The part of an id that says when.
const TIME_DIGITS: usize = 14;

/// What became of the entries of an archive.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Imported {
    pub created: u64,
    /// They were there already.
    pub present: u64,
}

pub async fn import(state: &State, book: &Book, file: File, actor: &str) -> Result<Imported, Problem> {
    let limits =
        Limits { attachment: state.config.largest_attachment.as_u64(), all: state.config.largest_import.as_u64() * 8 };
    let (again, original) = (copy_of(&file)?, copy_of(&file)?);
    let (zone, now) = (state.zone.clone(), state.clock.now_micros());
    let source = state.imports.run(move || read_archive(&file, limits, &zone, now, |_| Ok(()))).await?;
    let source = source.map_err(Error::BadArchive)?;

    let (sender, receiver) = mpsc::channel(AHEAD);
    let zone = state.zone.clone();
    let reading = state.imports.run(move || {
        read_archive(&again, limits, &zone, now, |item| {
            sender.blocking_send(item).map_err(|_| "nobody imports it any more".to_owned())
        })
    });
    let writing = async {
        // Goes when an entry cannot be written, so that the reader does not wait for its place.
        let mut receiver = receiver;
        let mut imported = Imported::default();
        let (mut upload, mut stored) = (None, Vec::new());
        while let Some(item) = receiver.recv().await {
            match item {
                Item::Piece(piece) => begun(state, &mut upload).await?.write(piece).await?,
                Item::FileEnd => {
                    begun(state, &mut upload).await?;
                    if let Some(upload) = upload.take() {
                        stored.push(state.attachments.finish(state, upload).await?);
                    }
                }
                Item::Entry(line) => imported.count(write(state, book, *line, take(&mut stored), actor).await?),
            }
        }
        Ok::<_, Problem>(imported)
    };
    let (read, written) = tokio::join!(reading, writing);
    // What could not be written is the cause, also of what is not read any more.
    let mut imported = written?;
    read?.map_err(Error::BadArchive)?;
    if let Source::Foreign(foreign) = source {
        imported.count(keep_original(state, book, &foreign, original, actor).await?);
    }
    Ok(imported)
}

/// The attachment that is being received; a new one if there is none.
async fn begun<'u>(state: &State, upload: &'u mut Option<Upload>) -> Result<&'u mut Upload, Problem> {
    let begun = match upload.take() {
        Some(begun) => begun,
        None => state.attachments.begin(&*state.ids).await?,
    };
    Ok(upload.insert(begun))
}

impl Imported {
    fn count(&mut self, is_new: bool) {
        if is_new {
            self.created += 1;
        } else {
            self.present += 1;
        }
    }
}

fn copy_of(file: &File) -> Result<File, Problem> {
    file.try_clone().map_err(Problem::internal)
}

/// Where an archive comes from.
enum Source {
    Own,
    Foreign(Foreign),
}

/// An archive of another notebook.
struct Foreign {
    id: String,
    name: String,
    publisher: Option<String>,
}

/// Gives all entries with their files in turn; a text says what is wrong with the archive.
fn read_archive(
    file: &File,
    limits: Limits,
    zone: &TimeZone,
    now: i64,
    each: impl FnMut(Item) -> Result<(), String>,
) -> Result<Source, String> {
    if archive::is_own(file)? {
        return archive::walk(file, limits, each).map(|()| Source::Own);
    }
    let mut foreign =
        foreign::Archive::open(file)?.ok_or("the archive has no ro-crate-metadata.json: it is no .eln file")?;
    foreign.walk(limits, zone, now, each)?;
    let (id, publisher) = (foreign.id_of("the archive itself"), foreign.publisher());
    Ok(Source::Foreign(Foreign { id, name: foreign.name, publisher }))
}

/// The archive of another notebook as an attachment, for what of it has no place here. Whether it was new.
async fn keep_original(
    state: &State,
    book: &Book,
    foreign: &Foreign,
    original: File,
    actor: &str,
) -> Result<bool, Problem> {
    let id = ids::of_embedded(&book.name(), &foreign.id);
    if store::entries::get(&mut state.db.read().await?, &id).await?.is_some() {
        return Ok(false);
    }
    let mut upload = state.attachments.begin(&*state.ids).await?;
    let mut at = 0;
    loop {
        let file = copy_of(&original)?;
        let read = state.documents.run_queued(move || {
            let mut piece = vec![0; PIECE];
            let length = file.read_at(&mut piece, at)?;
            piece.truncate(length);
            Ok::<_, io::Error>(piece)
        });
        let piece = read.await?.map_err(Error::Storage)?;
        if piece.is_empty() {
            break;
        }
        at += piece.len() as u64;
        upload.write(piece).await?;
    }
    let stored = state.attachments.finish(state, upload).await?;
    let mut event = Event::attachment(state.clock.now_micros());
    let name = if foreign.name.is_empty() { "imported" } else { foreign.name.trim_end_matches(".eln") };
    let filename = format!("{name}.eln");
    event.title = Some(match &foreign.publisher {
        Some(publisher) => format!("Imported from {publisher}"),
        None => "Imported from another notebook".to_owned(),
    });
    (event.filename, event.file_size) = (Some(filename.clone()), Some(stored.bytes));
    event.content_type = Some(stored.media_type.to_owned());
    place_in(book, &mut event);
    let file = NewFile { id: ids::of_embedded(&id, &stored.sha256), filename, stored };
    let new = NewEntry { book: book.clone(), event, files: vec![file], late: false, actor: actor.to_owned() };
    Ok(entries::create_as(state, id, new).await?.is_some())
}

/// Into the logbook that it is imported to, whatever it names itself.
fn place_in(book: &Book, event: &mut Event) {
    event.investigation_id = Book::investigation(&book.name());
    match book {
        // With a proposal it would wait for an investigation, and go there.
        Book::Instrument(instrument) => {
            (event.investigation_name, event.instrument_name) = (None, Some(instrument.to_uppercase()));
        }
        Book::Investigation(_) => {}
        // Else it would seem to wait for an investigation.
        Book::Facility | Book::Unplaced => (event.investigation_name, event.instrument_name) = (None, None),
    }
}

/// An entry whose files are stored. Whether it was new.
async fn write(state: &State, book: &Book, line: Line, stored: Vec<Stored>, actor: &str) -> Result<bool, Problem> {
    let name = book.name();
    let new_id = |old: &str| ids::of_embedded(&name, old);
    let mut event = line.event;
    place_in(book, &mut event);
    for part in event.content.iter_mut().filter(|part| part.is_html()) {
        if let Some(text) = &mut part.text {
            let old = entry_html::attachments(text).into_iter();
            let ids: HashMap<String, String> = old.map(|old| (old.clone(), new_id(&old))).collect();
            if !ids.is_empty() {
                let id_of = move |address: &str| ids.get(&entry_html::attachment_of(address)?).cloned();
                *text = entry_html::with_own_attachments(text, id_of);
            }
        }
    }
    let named = line.files.into_iter().zip(stored);
    let files = named.map(|(file, stored)| NewFile { id: new_id(&file.id), filename: file.filename, stored }).collect();
    let new = NewEntry { book: book.clone(), event, files, late: false, actor: actor.to_owned() };
    // An id begins with its time, by which lists sort.
    let id = format!("{}{}", &line.id[..TIME_DIGITS], &new_id(&line.id)[TIME_DIGITS..]);
    Ok(entries::create_as(state, id, new).await?.is_some())
}
