//! Small files, many at a time: a run is a range of the selection's tar, so a thousand of them cost a few requests. Each
//! file is checked, flushed and named as soon as its bytes are here, so a run that is cut off loses nothing but the file it
//! was in. What a run cannot give is left to whoever asks for single files, who also knows how to say why.

use std::collections::HashSet;
use std::io;
use std::sync::Arc;

use service_kit::cli::Failure;
use tokio::task::{JoinSet, block_in_place};

use super::archive::{Described, describe};
use super::batches;
use super::error::GetError;
use super::fetch::{Wanted, fetch};
use super::file::{Done, Job};
use super::list::{Address, Entry};
use super::names::{self, Partial};
use super::patience::Patience;
use super::report::Failed;

const MIB: u64 = 1 << 20;
/// Larger files are worth a request of their own.
const LARGEST_FILE: u64 = MIB;
/// Fewer files are not worth a run.
const FEWEST: usize = 4;
/// So much of what is here already is taken again rather than beginning another run.
const LARGEST_GAP: u64 = 256 * 1024;
/// Bytes of a run, so that all connections have one and none has all.
const RUN: std::ops::RangeInclusive<u64> = MIB..=32 * MIB;
const TAR: Address = Address::Archive("&format=tar");

/// What became of the files.
#[derive(Default)]
pub struct Outcome {
    pub finished: Vec<(Entry, Done)>,
    pub failed: Vec<Failed>,
    /// To be asked for one by one.
    pub rest: Vec<Entry>,
}

impl Outcome {
    pub fn add(&mut self, other: Self) {
        let Self { finished, failed, rest } = other;
        self.finished.extend(finished);
        self.failed.extend(failed);
        self.rest.extend(rest);
    }
}

/// A small file.
pub struct Small {
    pub entry: Entry,
    /// Of its first byte in the tar; 0 where there is none.
    offset: u64,
    names: Partial,
}

impl Small {
    fn end(&self) -> u64 {
        self.offset.saturating_add(self.entry.size)
    }

    /// Id and name in an archive, at a server without lists.
    pub fn datafile(&self) -> Option<(i64, &str)> {
        match &self.entry.address {
            Address::Datafile(id, member) => Some((*id, member)),
            _ => None,
        }
    }

    /// Writes the file once its bytes are all here. One that is not as it is listed, or cannot be written, is asked for
    /// alone.
    pub fn store(self, job: &Job, bytes: &[u8], outcome: &mut Outcome) {
        let is_right = bytes.len() as u64 == self.entry.size
            && self.entry.crc.is_none_or(|crc| !job.verify || crc32fast::hash(bytes) == crc);
        if is_right && block_in_place(|| self.write(job, bytes)).is_ok() {
            outcome.finished.push((self.entry, Done::Downloaded));
        } else {
            outcome.rest.push(self.entry);
        }
    }

    fn write(&self, job: &Job, bytes: &[u8]) -> Result<(), GetError> {
        let wrong = |e: io::Error| GetError::failed("cannot write", &e);
        let (writing, _) = job.directory.begin(&self.entry, self.names.clone())?;
        writing.write(0, bytes).map_err(wrong)?;
        job.directory.finish(&writing, &self.entry).map_err(wrong)
    }
}

/// Downloads those of the files that are small; `taken` are the names that the selection has.
pub async fn get(
    job: &Arc<Job>,
    entries: Vec<Entry>,
    taken: &HashSet<String>,
    jobs: usize,
) -> Result<Outcome, Failure> {
    let mut outcome = Outcome::default();
    let mut small = Vec::new();
    for entry in entries {
        let offset = match entry.address {
            _ if entry.size > LARGEST_FILE => None,
            Address::Datafile(..) => Some(0),
            _ => entry.tar_offset,
        };
        match offset {
            Some(offset) => small.push(Small { offset, names: names::partial(&entry.path, taken), entry }),
            None => outcome.rest.push(entry),
        }
    }
    let missing = missing(job, small, jobs, &mut outcome).await?;
    let rest = |files: Vec<Small>| files.into_iter().map(|file| file.entry);
    if missing.len() < FEWEST {
        outcome.rest.extend(rest(missing));
        return Ok(outcome);
    }
    if missing.iter().all(|file| file.datafile().is_some()) {
        outcome.add(batches::get(job, missing, jobs).await?);
        return Ok(outcome);
    }
    let Ok(Some(tar)) = settled(job).await else {
        outcome.rest.extend(rest(missing));
        return Ok(outcome);
    };
    let mut running = JoinSet::new();
    for files in split(missing, jobs) {
        let (job, tar) = (Arc::clone(job), tar.clone());
        running.spawn(async move { take(&job, &tar, files).await });
    }
    while let Some(ended) = running.join_next().await {
        outcome.add(ended.map_err(|e| Failure::from_error(&e))?);
    }
    Ok(outcome)
}

/// Those that are not here already.
async fn missing(
    job: &Arc<Job>,
    mut small: Vec<Small>,
    jobs: usize,
    outcome: &mut Outcome,
) -> Result<Vec<Small>, Failure> {
    let mut running = JoinSet::new();
    let per_job = small.len().div_ceil(jobs.max(1)).max(1);
    while !small.is_empty() {
        let some = small.split_off(small.len().saturating_sub(per_job));
        let job = Arc::clone(job);
        running.spawn(async move {
            block_in_place(|| {
                some.into_iter().partition::<Vec<_>, _>(|file| job.directory.has(&file.entry, job.verify))
            })
        });
    }
    let mut missing = Vec::new();
    while let Some(ended) = running.join_next().await {
        let (present, absent) = ended.map_err(|e| Failure::from_error(&e))?;
        missing.extend(absent);
        for file in present {
            let _cosmetic = job.directory.forget_state(&file.names);
            job.selection.server.meter.present(file.entry.size);
            outcome.finished.push((file.entry, Done::Present));
        }
    }
    Ok(missing)
}

/// The tar's length and version, once no file of it was written this very moment; `None` from a server without versions.
async fn settled(job: &Job) -> Result<Option<Described>, GetError> {
    let server = &job.selection.server;
    let mut patience = Patience::new(server.patience);
    loop {
        let why = match describe(&job.selection, &TAR).await {
            Ok(Some(tar)) if tar.etag.starts_with("W/") => GetError::just_written(),
            Ok(tar) => return Ok(tar),
            Err(e) => e,
        };
        patience.wait(why, |text| server.meter.note(text)).await?;
    }
}

/// Runs of neighbours in the tar. Files that a server lists as overlapping are in different ones.
fn split(mut files: Vec<Small>, jobs: usize) -> Vec<Vec<Small>> {
    files.sort_by_key(|file| file.offset);
    let total: u64 = files.iter().map(|file| file.entry.size).fold(0, u64::saturating_add);
    let most = (total / u64::try_from(jobs.max(1)).unwrap_or(1)).clamp(*RUN.start(), *RUN.end());
    let mut runs: Vec<Vec<Small>> = Vec::new();
    for file in files {
        let continues = runs.last().is_some_and(|run| match (run.first(), run.last()) {
            (Some(first), Some(last)) => {
                let gap = file.offset.checked_sub(last.end());
                gap.is_some_and(|gap| gap <= LARGEST_GAP) && file.end().saturating_sub(first.offset) <= most
            }
            _ => false,
        });
        match runs.last_mut().filter(|_| continues) {
            Some(run) => run.push(file),
            None => runs.push(vec![file]),
        }
    }
    runs
}

/// Takes the files of one run. A file that the server cannot send ends its answer: the next one begins behind it.
async fn take(job: &Job, tar: &Described, files: Vec<Small>) -> Outcome {
    let mut outcome = Outcome::default();
    let mut ahead = files.into_iter().collect::<std::collections::VecDeque<_>>();
    let mut in_vain = false;
    while let (Some(first), Some(last)) = (ahead.front(), ahead.back()) {
        let bytes = first.offset..last.end();
        if bytes.end > tar.size {
            break;
        }
        let before = ahead.len();
        let mut unpacking =
            Unpacking { job, at: bytes.start, ahead: &mut ahead, buffer: Vec::new(), outcome: &mut outcome };
        unpacking.take_empty();
        if unpacking.ahead.is_empty() {
            break;
        }
        let wanted = Wanted { address: &TAR, bytes, size: Some(tar.size), etag: Some(tar.etag.clone()) };
        let fetched = match job.connections.acquire().await {
            Ok(_connection) => {
                let taken = fetch(&job.selection, wanted, |piece| {
                    unpacking.pass(piece);
                    Ok(())
                });
                taken.await
            }
            Err(e) => Err(GetError::failed("no connection is free", &e)),
        };
        match fetched {
            Ok(_) => break,
            Err(GetError::Changed(_)) => {
                let got_nothing = ahead.len() == before;
                outcome.rest.extend(ahead.pop_front().map(|file| file.entry));
                // Twice in a row: it is not the files.
                if got_nothing && std::mem::replace(&mut in_vain, true) {
                    break;
                }
                in_vain = got_nothing;
            }
            Err(e) => {
                let failed = |file: Small| Failed { path: file.entry.path, reason: e.to_string() };
                outcome.failed.extend(ahead.drain(..).map(failed));
            }
        }
    }
    outcome.rest.extend(ahead.into_iter().map(|file| file.entry));
    outcome
}

/// Files of a tar as it passes.
struct Unpacking<'a> {
    job: &'a Job,
    at: u64,
    ahead: &'a mut std::collections::VecDeque<Small>,
    /// Of the first file ahead.
    buffer: Vec<u8>,
    outcome: &'a mut Outcome,
}

impl Unpacking<'_> {
    fn pass(&mut self, piece: &[u8]) {
        let (from, to) = (self.at, self.at + piece.len() as u64);
        self.at = to;
        while let Some(file) = self.ahead.front() {
            let (offset, end) = (file.offset, file.end());
            let within = |at: u64| usize::try_from(at.clamp(from, to) - from).unwrap_or(piece.len());
            self.buffer.extend_from_slice(&piece[within(offset)..within(end)]);
            if end > to {
                break;
            }
            self.finish();
        }
    }

    /// Empty files at the front, for which no byte is sent.
    fn take_empty(&mut self) {
        while self.ahead.front().is_some_and(|file| file.entry.size == 0) {
            self.finish();
        }
    }

    /// The file at the front is all here.
    fn finish(&mut self) {
        let bytes = std::mem::take(&mut self.buffer);
        if let Some(file) = self.ahead.pop_front() {
            file.store(self.job, &bytes, self.outcome);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small(offset: u64, size: u64) -> Small {
        let entry = Entry {
            path: format!("d/{offset}"),
            size,
            modified: None,
            crc: None,
            address: Address::Listed(0),
            tar_offset: Some(offset),
        };
        Small { names: names::partial(&entry.path, &HashSet::new()), entry, offset }
    }

    fn runs(files: &[(u64, u64)], jobs: usize) -> Vec<Vec<u64>> {
        let files = files.iter().map(|(offset, size)| small(*offset, *size)).collect();
        split(files, jobs).iter().map(|run| run.iter().map(|file| file.offset).collect()).collect()
    }

    #[test]
    fn neighbours_are_one_run_up_to_its_size() {
        let kib = 1024;
        assert_eq!(runs(&[(1024, 100), (512, 10), (2048, 0)], 4), [[512, 1024, 2048]]);
        assert_eq!(runs(&[(512, 10), (512 + LARGEST_GAP + 11, 10)], 4), [[512], [512 + LARGEST_GAP + 11]]);
        assert_eq!(runs(&[(512, 100), (600, 10)], 4), [[512], [600]], "overlapping");
        assert_eq!(runs(&[(u64::MAX - 5, 100), (u64::MAX - 4, 10)], 4).len(), 2, "beyond every file");
        let many: Vec<(u64, u64)> = (0..64).map(|n| (n * 200 * kib, 100 * kib)).collect();
        assert_eq!(runs(&many, 1).len(), 2, "12.5 MiB with the gaps, of at most 6.25");
        assert!(runs(&many, 8).iter().all(|run| run.len() <= 10));
    }
}
