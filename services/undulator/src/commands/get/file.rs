//! One file: what is there of it, what is missing, over several connections if it is large, and whether it is right.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{JoinSet, block_in_place};

use super::disk::{Directory, Writing};
use super::error::GetError;
use super::fetch::{Fetched, Wanted, fetch};
use super::list::Entry;
use super::names::Partial;
use super::parts::{State, plan};
use super::selection::Selection;

/// What is written at once.
const WRITE: usize = 1 << 20;

/// What all files of a run share.
pub struct Job {
    pub selection: Arc<Selection>,
    pub directory: Directory,
    /// One for each connection.
    pub connections: Arc<Semaphore>,
    pub verify: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Done {
    /// It was there.
    Present,
    Downloaded,
}

/// A part that is on disk; with its place among the connections, which is free once the part is noted.
struct Part {
    bytes: Range<u64>,
    crc: u32,
    etag: Option<String>,
    connection: OwnedSemaphorePermit,
}

pub async fn get(job: Arc<Job>, entry: Arc<Entry>, names: Partial) -> Result<Done, GetError> {
    if block_in_place(|| job.directory.has(&entry, job.verify)) {
        let _cosmetic = job.directory.forget_state(&names);
        job.selection.server.meter.present(entry.size);
        return Ok(Done::Present);
    }
    let (writing, state) = block_in_place(|| job.directory.begin(&entry, names))?;
    let getting = Getting { job, entry, writing: Arc::new(writing) };
    let outcome = getting.run(state).await;
    if matches!(outcome, Err(GetError::Changed(_))) {
        // Nothing of it belongs to what is there now.
        getting.discard();
    }
    outcome.map(|()| Done::Downloaded)
}

#[derive(Clone)]
struct Getting {
    job: Arc<Job>,
    entry: Arc<Entry>,
    writing: Arc<Writing>,
}

impl Getting {
    async fn run(&self, found: Option<State>) -> Result<(), GetError> {
        let state = match found {
            Some(state) => Some(self.checked(state)),
            None => self.first().await?,
        };
        if let Some(state) = state {
            self.rest(state).await?;
        }
        let wrong = |e: io::Error| GetError::failed(&format!("cannot finish `{}`", self.entry.path), &e);
        block_in_place(|| self.job.directory.finish(&self.writing, &self.entry)).map_err(wrong)
    }

    /// What an earlier run left, without the parts that are not on disk as they were received.
    fn checked(&self, mut state: State) -> State {
        let damaged = block_in_place(|| self.writing.damaged(&state));
        let meter = &self.job.selection.server.meter;
        for part in &damaged {
            let text = format!(
                "`{}`: bytes {}-{} are damaged on disk and asked for again",
                self.entry.path, part.start, part.end
            );
            meter.note(&text);
            state.remove(part);
        }
        let present = state.present();
        meter.present(present.iter().map(|part| part.end - part.start).sum());
        if !present.is_empty() {
            let text = format!(
                "`{}`: going on, parts that are here: {} of {}",
                self.entry.path,
                present.len(),
                plan(state.size).count()
            );
            meter.note(&text);
        }
        state
    }

    /// The first part tells the version. Where there are no versions it is the whole file, checked, and there is no rest.
    async fn first(&self) -> Result<Option<State>, GetError> {
        let size = self.entry.size;
        let one = plan(size).next().unwrap_or(0..size);
        let connection = self.connection().await?;
        let listed = matches!(self.entry.address, super::list::Address::Listed(_) | super::list::Address::Archive(_));
        let bytes = if listed { one } else { 0..size };
        let part = self.part(bytes.clone(), None, connection).await?;
        match part.etag {
            Some(etag) if bytes.end < size => {
                let mut state = State::new(size, etag);
                state.add(&part.bytes, part.crc);
                self.note(&state)?;
                Ok(Some(state))
            }
            _ if bytes.end == size => self.compare(part.crc).map(|()| None),
            _ => Err(GetError::Failed("the server does not say which version of the file it sends".to_owned())),
        }
    }

    /// All that is missing, as many parts at once as there are connections.
    async fn rest(&self, mut state: State) -> Result<(), GetError> {
        let mut missing = state.missing().into_iter().peekable();
        let mut running: JoinSet<Result<Part, GetError>> = JoinSet::new();
        while missing.peek().is_some() || !running.is_empty() {
            tokio::select! {
                Some(ended) = running.join_next() => {
                    let part = ended.map_err(|e| GetError::failed("a part was given up", &e))??;
                    state.add(&part.bytes, part.crc);
                    self.note(&state)?;
                    drop(part.connection);
                }
                connection = self.connection(), if missing.peek().is_some() => {
                    let (Some(bytes), connection) = (missing.next(), connection?) else { continue };
                    let (this, etag) = (self.clone(), state.etag.clone());
                    running.spawn(async move { this.part(bytes, Some(etag), connection).await });
                }
            }
        }
        self.compare(state.whole().unwrap_or_default())
    }

    async fn connection(&self) -> Result<OwnedSemaphorePermit, GetError> {
        let free = Arc::clone(&self.job.connections).acquire_owned().await;
        free.map_err(|e| GetError::failed("no connection is free", &e))
    }

    async fn part(
        &self,
        bytes: Range<u64>,
        etag: Option<String>,
        connection: OwnedSemaphorePermit,
    ) -> Result<Part, GetError> {
        let (mut at, mut buffer, mut crc) = (bytes.start, Vec::with_capacity(WRITE), crc32fast::Hasher::new());
        let write = |at: &mut u64, buffer: &mut Vec<u8>| {
            block_in_place(|| self.writing.write(*at, buffer))?;
            *at += buffer.len() as u64;
            buffer.clear();
            Ok(())
        };
        let wanted = Wanted { address: &self.entry.address, bytes: bytes.clone(), size: Some(self.entry.size), etag };
        let Fetched { etag, .. } = fetch(&self.job.selection, wanted, |piece| {
            crc.update(piece);
            buffer.extend_from_slice(piece);
            if buffer.len() >= WRITE { write(&mut at, &mut buffer) } else { Ok(()) }
        })
        .await?;
        let written = write(&mut at, &mut buffer).and_then(|()| block_in_place(|| self.writing.sync()));
        written.map_err(|e: io::Error| GetError::failed(&format!("cannot write `{}`", self.entry.path), &e))?;
        Ok(Part { bytes, crc: crc.finalize(), etag, connection })
    }

    fn note(&self, state: &State) -> Result<(), GetError> {
        block_in_place(|| self.job.directory.note(&self.writing, state))
            .map_err(|e| GetError::failed("cannot write down which parts are here", &e))
    }

    fn compare(&self, found: u32) -> Result<(), GetError> {
        let Some(listed) = self.entry.crc.filter(|crc| self.job.verify && *crc != found) else { return Ok(()) };
        self.discard();
        let text = format!(
            "its checksum is {found:08x} where {listed:08x} is listed, so it is not kept. Run the same command again; if \
             it stays so, the file at the facility is damaged (--no-verify takes it as it is)"
        );
        Err(GetError::Failed(text))
    }

    fn discard(&self) {
        if let Err(e) = block_in_place(|| self.job.directory.discard(&self.writing)) {
            self.job.selection.server.meter.note(&format!("cannot remove what is left of `{}`: {e}", self.entry.path));
        }
    }
}
