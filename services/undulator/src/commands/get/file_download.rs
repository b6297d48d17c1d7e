//! Downloads one file: checks what exists of it, fetches the missing parts over several connections, and verifies it.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{JoinSet, block_in_place};

use super::file_list::FileEntry;
use super::file_names::PartialNames;
use super::file_parts::{PartialState, list_parts};
use super::local_files::{Directory, PartialFile};
use super::selection::Selection;
use super::transfer::{FetchRequest, Fetched, fetch_bytes};
use crate::commands::requests::RequestError;

/// Bytes that are written at once.
const WRITE_SIZE: usize = 1 << 20;

/// What the downloads of all files share.
pub struct DownloadJob {
    pub selection: Arc<Selection>,
    pub directory: Directory,
    /// One permit for each connection.
    pub connections: Arc<Semaphore>,
    pub verify: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileOutcome {
    /// It existed and is complete.
    Present,
    Downloaded,
}

/// A part on disk. Its connection is released after the part is recorded in the state file.
struct ReceivedPart {
    bytes: Range<u64>,
    crc: u32,
    etag: Option<String>,
    connection: OwnedSemaphorePermit,
}

pub async fn download_file(
    job: Arc<DownloadJob>,
    entry: Arc<FileEntry>,
    names: PartialNames,
) -> Result<FileOutcome, RequestError> {
    if block_in_place(|| job.directory.has_file(&entry, job.verify)) {
        let _cosmetic = job.directory.remove_state(&names);
        job.selection.server.meter.add_present(entry.size);
        return Ok(FileOutcome::Present);
    }
    let (writing, state) = block_in_place(|| job.directory.open_partial(&entry, names))?;
    let download = FileDownload { job, entry, writing: Arc::new(writing) };
    let outcome = download.run(state).await;
    if matches!(outcome, Err(RequestError::Changed(_))) {
        // The parts belong to another version of the file.
        download.discard_file();
    }
    outcome.map(|()| FileOutcome::Downloaded)
}

#[derive(Clone)]
struct FileDownload {
    job: Arc<DownloadJob>,
    entry: Arc<FileEntry>,
    writing: Arc<PartialFile>,
}

impl FileDownload {
    async fn run(&self, found: Option<PartialState>) -> Result<(), RequestError> {
        let state = match found {
            Some(state) => Some(self.discard_damaged_parts(state)),
            None => self.fetch_first_part().await?,
        };
        if let Some(state) = state {
            self.fetch_missing_parts(state).await?;
        }
        let wrong = |e: io::Error| RequestError::from_error(&format!("cannot finish `{}`", self.entry.path), &e);
        block_in_place(|| self.job.directory.commit(&self.writing, &self.entry)).map_err(wrong)
    }

    /// Removes the parts of an earlier run that are damaged on disk.
    fn discard_damaged_parts(&self, mut state: PartialState) -> PartialState {
        let damaged = block_in_place(|| self.writing.list_damaged_parts(&state));
        let meter = &self.job.selection.server.meter;
        for part in &damaged {
            let text = format!(
                "`{}`: bytes {}-{} are damaged on disk and will be downloaded again",
                self.entry.path, part.start, part.end
            );
            meter.print_note(&text);
            state.remove(part);
        }
        let present = state.list_present();
        meter.add_present(present.iter().map(|part| part.end - part.start).sum());
        if !present.is_empty() {
            let text = format!(
                "`{}`: resuming, {} of {} parts exist",
                self.entry.path,
                present.len(),
                list_parts(state.size).count()
            );
            meter.print_note(&text);
        }
        state
    }

    /// Fetches the first part, which gives the version. If the server has no versions, it is the whole file, and `None`.
    async fn fetch_first_part(&self) -> Result<Option<PartialState>, RequestError> {
        let size = self.entry.size;
        let one = list_parts(size).next().unwrap_or(0..size);
        let connection = self.acquire_connection().await?;
        let listed = matches!(
            self.entry.address,
            super::file_list::FileAddress::Listed(_) | super::file_list::FileAddress::Archive(_)
        );
        let bytes = if listed { one } else { 0..size };
        let part = self.fetch_part(bytes.clone(), None, connection).await?;
        match part.etag {
            Some(etag) if bytes.end < size => {
                let mut state = PartialState::new(size, etag);
                state.insert(&part.bytes, part.crc);
                self.store_state(&state)?;
                Ok(Some(state))
            }
            _ if bytes.end == size => self.verify_checksum(part.crc).map(|()| None),
            _ => Err(RequestError::Failed("the server does not send the version of the file".to_owned())),
        }
    }

    /// Fetches the missing parts, one per connection at a time.
    async fn fetch_missing_parts(&self, mut state: PartialState) -> Result<(), RequestError> {
        let mut missing = state.list_missing().into_iter().peekable();
        let mut running: JoinSet<Result<ReceivedPart, RequestError>> = JoinSet::new();
        while missing.peek().is_some() || !running.is_empty() {
            tokio::select! {
                Some(ended) = running.join_next() => {
                    let part = ended.map_err(|e| RequestError::from_error("a part was given up", &e))??;
                    state.insert(&part.bytes, part.crc);
                    self.store_state(&state)?;
                    drop(part.connection);
                }
                connection = self.acquire_connection(), if missing.peek().is_some() => {
                    let (Some(bytes), connection) = (missing.next(), connection?) else { continue };
                    let (this, etag) = (self.clone(), state.etag.clone());
                    running.spawn(async move { this.fetch_part(bytes, Some(etag), connection).await });
                }
            }
        }
        self.verify_checksum(state.whole_checksum().unwrap_or_default())
    }

    async fn acquire_connection(&self) -> Result<OwnedSemaphorePermit, RequestError> {
        let free = Arc::clone(&self.job.connections).acquire_owned().await;
        free.map_err(|e| RequestError::from_error("no connection is free", &e))
    }

    async fn fetch_part(
        &self,
        bytes: Range<u64>,
        etag: Option<String>,
        connection: OwnedSemaphorePermit,
    ) -> Result<ReceivedPart, RequestError> {
        let (mut at, mut buffer, mut crc) = (bytes.start, Vec::with_capacity(WRITE_SIZE), crc32fast::Hasher::new());
        let write = |at: &mut u64, buffer: &mut Vec<u8>| {
            block_in_place(|| self.writing.write(*at, buffer))?;
            *at += buffer.len() as u64;
            buffer.clear();
            Ok(())
        };
        let wanted =
            FetchRequest { address: &self.entry.address, bytes: bytes.clone(), size: Some(self.entry.size), etag };
        let Fetched { etag, .. } = fetch_bytes(&self.job.selection, wanted, |piece| {
            crc.update(piece);
            buffer.extend_from_slice(piece);
            if buffer.len() >= WRITE_SIZE { write(&mut at, &mut buffer) } else { Ok(()) }
        })
        .await?;
        let written = write(&mut at, &mut buffer).and_then(|()| block_in_place(|| self.writing.sync()));
        written.map_err(|e: io::Error| RequestError::from_error(&format!("cannot write `{}`", self.entry.path), &e))?;
        Ok(ReceivedPart { bytes, crc: crc.finalize(), etag, connection })
    }

    fn store_state(&self, state: &PartialState) -> Result<(), RequestError> {
        block_in_place(|| self.job.directory.store_state(&self.writing, state))
            .map_err(|e| RequestError::from_error("cannot write the state of the download", &e))
    }

    fn verify_checksum(&self, found: u32) -> Result<(), RequestError> {
        let Some(listed) = self.entry.crc.filter(|crc| self.job.verify && *crc != found) else { return Ok(()) };
        self.discard_file();
        let text = format!(
            "its checksum is {found:08x}, but {listed:08x} is listed, so it was removed. Run the same command again; if \
             that does not help, the file at the facility is damaged (--no-verify downloads it as it is)"
        );
        Err(RequestError::Failed(text))
    }

    fn discard_file(&self) {
        if let Err(e) = block_in_place(|| self.job.directory.remove_partial(&self.writing)) {
            self.job
                .selection
                .server
                .meter
                .print_note(&format!("cannot remove what is left of `{}`: {e}", self.entry.path));
        }
    }
}
