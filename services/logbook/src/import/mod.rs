//! Imports entries from an `.eln`: an export of a logbook, possibly of another facility, or an archive of another notebook,
//! which is also stored as an attachment.
//!
//! The whole archive is checked before the first entry is written. Ids are derived from those in the archive, so that a second
//! import of the same archive, for example after a crash, adds nothing twice.

pub mod archive;
pub mod foreign;
pub mod foreign_text;
pub mod ro_crate;

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Seek as _, Write as _};
use std::mem::take;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use actix_web::web::Payload;
use futures_util::StreamExt as _;
use jiff::tz::TimeZone;
use service_kit::{Blocking, Clock, Db, Ids, Micros, Problem};
use tokio::sync::mpsc;

use crate::attachments::Attachments;
use crate::attachments::store::Upload;
use crate::catalogue::permissions::WritableLogbook;
use crate::domain::entry_content::EntryContent;
use crate::domain::logbook::Logbook;
use crate::domain::{entry_html, ids};
use crate::entries::{Entries, NewEntry};
use crate::error::Error;
use crate::export::eln_line::EntryLine;
use crate::http::with_idle_timeout;
use crate::import::archive::{CHUNK_SIZE, Item, Limits};
use crate::store::attachments::{NewAttachment, StoredBlob};
use crate::store::entries::get_entry;

/// How many chunks of files, or entries, are read ahead.
const READ_AHEAD: usize = 4;
/// The part of an id that contains the time.
const TIME_DIGITS: usize = 14;

/// The result of an import.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ImportCounts {
    pub created: u64,
    /// How many entries existed already.
    pub present: u64,
}

/// Imports archives.
pub struct Importer {
    pub db: Db,
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<dyn Ids>,
    pub attachments: Arc<Attachments>,
    pub entries: Arc<Entries>,
    /// The pool that reads archives. A reader waits until its items are stored, so it must not occupy a thread that is needed
    /// for that.
    pub archives: Blocking,
    pub documents: Blocking,
    pub zone: TimeZone,
    pub max_archive_bytes: u64,
}

impl Importer {
    /// Receives an archive into a temporary file.
    pub async fn receive_archive(&self, mut payload: Payload) -> Result<File, Problem> {
        let mut file = self.attachments.storage.create_temp_file(&*self.ids).await?;
        let mut bytes = 0;
        while let Some(chunk) = with_idle_timeout(self.attachments.idle_timeout, payload.next()).await? {
            let chunk = chunk.map_err(|e| Error::invalid(format!("the body was cut off: {e}")))?;
            bytes += chunk.len() as u64;
            if bytes > self.max_archive_bytes {
                return Err(Error::TooLarge(self.max_archive_bytes).into());
            }
            let written = self.documents.run_queued(move || file.write_all(&chunk).map(|()| file));
            file = written.await?.map_err(Error::Storage)?;
        }
        file.rewind().map_err(Error::Storage)?;
        Ok(file)
    }

    pub async fn import_archive(
        &self,
        logbook: &WritableLogbook,
        file: File,
        actor: &str,
    ) -> Result<ImportCounts, Problem> {
        let limits = Limits { attachment: self.attachments.max_bytes, all: self.max_archive_bytes * 8 };
        let (again, original) = (clone_file(&file)?, clone_file(&file)?);
        let (zone, now) = (self.zone.clone(), self.clock.now_micros());
        let checked = self.archives.run(move || read_archive(&file, limits, &zone, now, |_| Ok(())));
        let source = checked.await?.map_err(Error::InvalidArchive)?;

        let (sender, receiver) = mpsc::channel(READ_AHEAD);
        let zone = self.zone.clone();
        let reading = self.archives.run(move || {
            read_archive(&again, limits, &zone, now, |item| {
                sender.blocking_send(item).map_err(|_| "nobody imports it any more".to_owned())
            })
        });
        let (read, written) = tokio::join!(reading, self.write_items(logbook, receiver, actor));
        // A write error is reported first, because it also ends the reading.
        let mut counts = written?;
        read?.map_err(Error::InvalidArchive)?;
        if let Source::Foreign(foreign) = source {
            counts.count(self.store_original(logbook, &foreign, original, actor).await?);
        }
        Ok(counts)
    }

    /// The receiver is dropped if an entry cannot be written, so that the reader does not wait for it.
    async fn write_items(
        &self,
        logbook: &WritableLogbook,
        mut receiver: mpsc::Receiver<Item>,
        actor: &str,
    ) -> Result<ImportCounts, Problem> {
        let mut counts = ImportCounts::default();
        let (mut upload, mut stored) = (None, Vec::new());
        while let Some(item) = receiver.recv().await {
            match item {
                Item::Chunk(chunk) => self.get_or_begin_upload(&mut upload).await?.write(chunk).await?,
                Item::FileEnd => {
                    self.get_or_begin_upload(&mut upload).await?;
                    if let Some(upload) = upload.take() {
                        stored.push(self.attachments.finish_upload(upload).await?);
                    }
                }
                Item::Entry(line) => {
                    counts.count(self.create_entry(logbook, *line, take(&mut stored), actor).await?);
                }
            }
        }
        Ok(counts)
    }

    /// The attachment that is being received, or a new one.
    async fn get_or_begin_upload<'u>(&self, upload: &'u mut Option<Upload>) -> Result<&'u mut Upload, Problem> {
        let begun = match upload.take() {
            Some(begun) => begun,
            None => self.attachments.begin_upload().await?,
        };
        Ok(upload.insert(begun))
    }

    /// Creates an entry whose files are stored; false if it existed.
    async fn create_entry(
        &self,
        logbook: &WritableLogbook,
        line: EntryLine,
        stored: Vec<StoredBlob>,
        actor: &str,
    ) -> Result<bool, Problem> {
        let name = logbook.name();
        let new_id = |old: &str| ids::derive_id(&name, old);
        let mut content = line.content;
        place_in_logbook(logbook, &mut content);
        for part in content.parts.iter_mut().filter(|part| part.is_html()) {
            if let Some(text) = &mut part.text {
                let old = entry_html::list_attachment_ids(text).into_iter();
                let ids: HashMap<String, String> = old.map(|old| (old.clone(), new_id(&old))).collect();
                if !ids.is_empty() {
                    let id_of = move |address: &str| ids.get(&entry_html::parse_attachment_id(address)?).cloned();
                    *text = entry_html::adopt_attachment_addresses(text, id_of);
                }
            }
        }
        let files = line.files.into_iter().zip(stored);
        let files = files.map(|(file, stored)| NewAttachment { id: new_id(&file.id), filename: file.filename, stored });
        let new = NewEntry { content, files: files.collect(), actor: actor.to_owned() };
        // An id begins with its time, and lists sort by id.
        let id = format!("{}{}", &line.id[..TIME_DIGITS], &new_id(&line.id)[TIME_DIGITS..]);
        Ok(self.entries.create_imported(logbook, id, new).await?.is_some())
    }

    /// Stores the archive of another notebook as an attachment, because entries do not have all of its content; false if it
    /// existed.
    async fn store_original(
        &self,
        logbook: &WritableLogbook,
        foreign: &Foreign,
        original: File,
        actor: &str,
    ) -> Result<bool, Problem> {
        let id = ids::derive_id(&logbook.name(), &foreign.id);
        if get_entry(&mut self.db.read().await?, &id).await?.is_some() {
            return Ok(false);
        }
        let stored = self.store_file(original).await?;
        let name = if foreign.name.is_empty() { "imported" } else { foreign.name.trim_end_matches(".eln") };
        let filename = format!("{name}.eln");
        let mut content = EntryContent::new_attachment(self.clock.now_micros());
        content.title = Some(match &foreign.publisher {
            Some(publisher) => format!("Imported from {publisher}"),
            None => "Imported from another notebook".to_owned(),
        });
        (content.filename, content.file_size) = (Some(filename.clone()), Some(stored.bytes));
        content.content_type = Some(stored.media_type.to_owned());
        place_in_logbook(logbook, &mut content);
        let file = NewAttachment { id: ids::derive_id(&id, &stored.sha256), filename, stored };
        let new = NewEntry { content, files: vec![file], actor: actor.to_owned() };
        Ok(self.entries.create_imported(logbook, id, new).await?.is_some())
    }

    async fn store_file(&self, original: File) -> Result<StoredBlob, Problem> {
        let mut upload = self.attachments.begin_upload().await?;
        let mut offset = 0;
        loop {
            let file = clone_file(&original)?;
            let read = self.documents.run_queued(move || {
                let mut chunk = vec![0; CHUNK_SIZE];
                let length = file.read_at(&mut chunk, offset)?;
                chunk.truncate(length);
                Ok::<_, io::Error>(chunk)
            });
            let chunk = read.await?.map_err(Error::Storage)?;
            if chunk.is_empty() {
                return self.attachments.finish_upload(upload).await;
            }
            offset += chunk.len() as u64;
            upload.write(chunk).await?;
        }
    }
}

impl ImportCounts {
    fn count(&mut self, is_new: bool) {
        if is_new {
            self.created += 1;
        } else {
            self.present += 1;
        }
    }
}

fn clone_file(file: &File) -> Result<File, Problem> {
    file.try_clone().map_err(Problem::internal)
}

/// The origin of an archive.
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

/// Passes all entries with their files to `each`; the error says what is wrong with the archive.
fn read_archive(
    file: &File,
    limits: Limits,
    zone: &TimeZone,
    now: Micros,
    each: impl FnMut(Item) -> Result<(), String>,
) -> Result<Source, String> {
    if archive::is_logbook_archive(file)? {
        return archive::read_entries(file, limits, each).map(|()| Source::Own);
    }
    let mut foreign =
        foreign::Archive::open(file)?.ok_or("the archive has no ro-crate-metadata.json: it is no .eln file")?;
    foreign.read_entries(limits, zone, now, each)?;
    let (id, publisher) = (foreign.derive_id("the archive itself"), foreign.publisher());
    Ok(Source::Foreign(Foreign { id, name: foreign.name, publisher }))
}

/// Assigns an entry to the logbook of the import, regardless of the names in it.
fn place_in_logbook(logbook: &Logbook, content: &mut EntryContent) {
    content.investigation_id = Logbook::parse_investigation_id(&logbook.name());
    match logbook {
        // With a proposal, the entry would wait for an investigation and be moved there.
        Logbook::Instrument(instrument) => {
            (content.investigation_name, content.instrument_name) = (None, Some(instrument.to_uppercase()));
        }
        Logbook::Investigation(_) => {}
        // Otherwise the entry would seem to wait for an investigation.
        Logbook::Facility | Logbook::Unassigned => (content.investigation_name, content.instrument_name) = (None, None),
    }
}
