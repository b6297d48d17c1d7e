//! Downloads many small files at once, as ranges of the tar of their selection: a thousand files cost a few requests. Each
//! file is verified, flushed and renamed as soon as it is complete, so an interrupted range loses at most one file. Files
//! that a range cannot provide are requested one by one, which also gives the reason.

use std::collections::HashSet;
use std::io;
use std::sync::Arc;

use service_kit::cli::Failure;
use tokio::task::{JoinSet, block_in_place};

use super::archive::{ArchiveInfo, describe_archive};
use super::archive_batches;
use super::file_download::{DownloadJob, FileOutcome};
use super::file_list::{FileAddress, FileEntry};
use super::file_names::{self, PartialNames};
use super::report::FailedFile;
use super::transfer::{FetchRequest, fetch_bytes};
use crate::commands::requests::RequestError;
use crate::commands::requests::RetryPolicy;

const MIB: u64 = 1 << 20;
/// Larger files get requests of their own.
const MAX_FILE_SIZE: u64 = MIB;
/// Fewer files are requested one by one.
const MIN_FILES: usize = 4;
/// A gap of existing files up to this size is downloaded again, because another request costs more.
const MAX_GAP: u64 = 256 * 1024;
/// Bytes of a range, so that the work is spread over all connections.
const RANGE_SIZE: std::ops::RangeInclusive<u64> = MIB..=32 * MIB;
const TAR: FileAddress = FileAddress::Archive("&format=tar");

/// The outcome of several files.
#[derive(Default)]
pub struct BatchOutcome {
    pub finished: Vec<(FileEntry, FileOutcome)>,
    pub failed: Vec<FailedFile>,
    /// Files to be requested one by one.
    pub rest: Vec<FileEntry>,
}

impl BatchOutcome {
    pub fn extend(&mut self, other: Self) {
        let Self { finished, failed, rest } = other;
        self.finished.extend(finished);
        self.failed.extend(failed);
        self.rest.extend(rest);
    }
}

/// A small file.
pub struct SmallFile {
    pub entry: FileEntry,
    /// Offset of its first byte in the tar; 0 without a tar.
    offset: u64,
    names: PartialNames,
}

impl SmallFile {
    fn end(&self) -> u64 {
        self.offset.saturating_add(self.entry.size)
    }

    /// Datafile id and path in archives, at a server without lists.
    pub fn datafile(&self) -> Option<(i64, &str)> {
        match &self.entry.address {
            FileAddress::Datafile(id, member) => Some((*id, member)),
            _ => None,
        }
    }

    /// Writes a complete file. One that differs from the list or cannot be written is requested again by itself.
    pub fn store_bytes(self, job: &DownloadJob, bytes: &[u8], outcome: &mut BatchOutcome) {
        let is_right = bytes.len() as u64 == self.entry.size
            && self.entry.crc.is_none_or(|crc| !job.verify || crc32fast::hash(bytes) == crc);
        if is_right && block_in_place(|| self.write_file(job, bytes)).is_ok() {
            outcome.finished.push((self.entry, FileOutcome::Downloaded));
        } else {
            outcome.rest.push(self.entry);
        }
    }

    fn write_file(&self, job: &DownloadJob, bytes: &[u8]) -> Result<(), RequestError> {
        let wrong = |e: io::Error| RequestError::from_error("cannot write", &e);
        let (writing, _) = job.directory.open_partial(&self.entry, self.names.clone())?;
        writing.write(0, bytes).map_err(wrong)?;
        job.directory.commit(&writing, &self.entry).map_err(wrong)
    }
}

/// Downloads the small files; `taken` are the paths of all files of the selection.
pub async fn download_small_files(
    job: &Arc<DownloadJob>,
    entries: Vec<FileEntry>,
    taken: &HashSet<String>,
    jobs: usize,
) -> Result<BatchOutcome, Failure> {
    let mut outcome = BatchOutcome::default();
    let mut small = Vec::new();
    for entry in entries {
        let offset = match entry.address {
            _ if entry.size > MAX_FILE_SIZE => None,
            FileAddress::Datafile(..) => Some(0),
            _ => entry.tar_offset,
        };
        match offset {
            Some(offset) => {
                small.push(SmallFile { offset, names: file_names::choose_partial_names(&entry.path, taken), entry });
            }
            None => outcome.rest.push(entry),
        }
    }
    let missing = list_missing_files(job, small, jobs, &mut outcome).await?;
    let rest = |files: Vec<SmallFile>| files.into_iter().map(|file| file.entry);
    if missing.len() < MIN_FILES {
        outcome.rest.extend(rest(missing));
        return Ok(outcome);
    }
    if missing.iter().all(|file| file.datafile().is_some()) {
        outcome.extend(archive_batches::download_batches(job, missing, jobs).await?);
        return Ok(outcome);
    }
    let Ok(Some(tar)) = describe_settled_tar(job).await else {
        outcome.rest.extend(rest(missing));
        return Ok(outcome);
    };
    let mut running = JoinSet::new();
    for files in split_into_ranges(missing, jobs) {
        let (job, tar) = (Arc::clone(job), tar.clone());
        running.spawn(async move { download_range(&job, &tar, files).await });
    }
    while let Some(ended) = running.join_next().await {
        outcome.extend(ended.map_err(|e| Failure::from_error(&e))?);
    }
    Ok(outcome)
}

/// The files that do not exist yet.
async fn list_missing_files(
    job: &Arc<DownloadJob>,
    mut small: Vec<SmallFile>,
    jobs: usize,
    outcome: &mut BatchOutcome,
) -> Result<Vec<SmallFile>, Failure> {
    let mut running = JoinSet::new();
    let per_job = small.len().div_ceil(jobs.max(1)).max(1);
    while !small.is_empty() {
        let some = small.split_off(small.len().saturating_sub(per_job));
        let job = Arc::clone(job);
        running.spawn(async move {
            block_in_place(|| {
                some.into_iter().partition::<Vec<_>, _>(|file| job.directory.has_file(&file.entry, job.verify))
            })
        });
    }
    let mut missing = Vec::new();
    while let Some(ended) = running.join_next().await {
        let (present, absent) = ended.map_err(|e| Failure::from_error(&e))?;
        missing.extend(absent);
        for file in present {
            let _cosmetic = job.directory.remove_state(&file.names);
            job.selection.server.meter.add_present(file.entry.size);
            outcome.finished.push((file.entry, FileOutcome::Present));
        }
    }
    Ok(missing)
}

/// Length and strong version of the tar; waits while a file was modified just now. `None` without versions.
async fn describe_settled_tar(job: &DownloadJob) -> Result<Option<ArchiveInfo>, RequestError> {
    let server = &job.selection.server;
    let mut retry_policy = RetryPolicy::new(server.patience);
    loop {
        let why = match describe_archive(&job.selection, &TAR).await {
            Ok(Some(tar)) if tar.etag.starts_with("W/") => RequestError::just_written(),
            Ok(tar) => return Ok(tar),
            Err(e) => e,
        };
        retry_policy.wait_or_give_up(why, |text| server.meter.print_note(text)).await?;
    }
}

/// Groups files that are neighbours in the tar. Overlapping files are in different groups.
fn split_into_ranges(mut files: Vec<SmallFile>, jobs: usize) -> Vec<Vec<SmallFile>> {
    files.sort_by_key(|file| file.offset);
    let total: u64 = files.iter().map(|file| file.entry.size).fold(0, u64::saturating_add);
    let most = (total / u64::try_from(jobs.max(1)).unwrap_or(1)).clamp(*RANGE_SIZE.start(), *RANGE_SIZE.end());
    let mut runs: Vec<Vec<SmallFile>> = Vec::new();
    for file in files {
        let continues = runs.last().is_some_and(|run| match (run.first(), run.last()) {
            (Some(first), Some(last)) => {
                let gap = file.offset.checked_sub(last.end());
                gap.is_some_and(|gap| gap <= MAX_GAP) && file.end().saturating_sub(first.offset) <= most
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

/// Downloads one range. A file that the server cannot read ends the answer; the next request begins after it.
async fn download_range(job: &DownloadJob, tar: &ArchiveInfo, files: Vec<SmallFile>) -> BatchOutcome {
    let mut outcome = BatchOutcome::default();
    let mut ahead = files.into_iter().collect::<std::collections::VecDeque<_>>();
    let mut in_vain = false;
    while let (Some(first), Some(last)) = (ahead.front(), ahead.back()) {
        let bytes = first.offset..last.end();
        if bytes.end > tar.size {
            break;
        }
        let before = ahead.len();
        let mut unpacker =
            TarUnpacker { job, at: bytes.start, ahead: &mut ahead, buffer: Vec::new(), outcome: &mut outcome };
        unpacker.finish_empty_files();
        if unpacker.ahead.is_empty() {
            break;
        }
        let wanted = FetchRequest { address: &TAR, bytes, size: Some(tar.size), etag: Some(tar.etag.clone()) };
        let fetched = match job.connections.acquire().await {
            Ok(_connection) => {
                let taken = fetch_bytes(&job.selection, wanted, |piece| {
                    unpacker.unpack_chunk(piece);
                    Ok(())
                });
                taken.await
            }
            Err(e) => Err(RequestError::from_error("no connection is free", &e)),
        };
        match fetched {
            Ok(_) => break,
            Err(RequestError::Changed(_)) => {
                let got_nothing = ahead.len() == before;
                outcome.rest.extend(ahead.pop_front().map(|file| file.entry));
                // Twice in a row without a file: the cause is not a single file.
                if got_nothing && std::mem::replace(&mut in_vain, true) {
                    break;
                }
                in_vain = got_nothing;
            }
            Err(e) => {
                let failed = |file: SmallFile| FailedFile { path: file.entry.path, reason: e.to_string() };
                outcome.failed.extend(ahead.drain(..).map(failed));
            }
        }
    }
    outcome.rest.extend(ahead.into_iter().map(|file| file.entry));
    outcome
}

/// Extracts the files of a tar while it is received.
struct TarUnpacker<'a> {
    job: &'a DownloadJob,
    at: u64,
    ahead: &'a mut std::collections::VecDeque<SmallFile>,
    /// Bytes of the first pending file.
    buffer: Vec<u8>,
    outcome: &'a mut BatchOutcome,
}

impl TarUnpacker<'_> {
    fn unpack_chunk(&mut self, piece: &[u8]) {
        let (from, to) = (self.at, self.at + piece.len() as u64);
        self.at = to;
        while let Some(file) = self.ahead.front() {
            let (offset, end) = (file.offset, file.end());
            let within = |at: u64| usize::try_from(at.clamp(from, to) - from).unwrap_or(piece.len());
            self.buffer.extend_from_slice(&piece[within(offset)..within(end)]);
            if end > to {
                break;
            }
            self.finish_file();
        }
    }

    /// Finishes empty files at the front, for which no bytes are sent.
    fn finish_empty_files(&mut self) {
        while self.ahead.front().is_some_and(|file| file.entry.size == 0) {
            self.finish_file();
        }
    }

    /// Stores the complete file at the front.
    fn finish_file(&mut self) {
        let bytes = std::mem::take(&mut self.buffer);
        if let Some(file) = self.ahead.pop_front() {
            file.store_bytes(self.job, &bytes, self.outcome);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn build_small_file(offset: u64, size: u64) -> SmallFile {
        let entry = FileEntry {
            path: format!("d/{offset}"),
            size,
            modified: None,
            crc: None,
            address: FileAddress::Listed(0),
            tar_offset: Some(offset),
        };
        SmallFile { names: file_names::choose_partial_names(&entry.path, &HashSet::new()), entry, offset }
    }

    fn split_offsets(files: &[(u64, u64)], jobs: usize) -> Vec<Vec<u64>> {
        let files = files.iter().map(|(offset, size)| build_small_file(*offset, *size)).collect();
        split_into_ranges(files, jobs).iter().map(|run| run.iter().map(|file| file.offset).collect()).collect()
    }

    #[test]
    fn neighbours_are_grouped_up_to_the_range_size() {
        let kib = 1024;
        assert_eq!(split_offsets(&[(1024, 100), (512, 10), (2048, 0)], 4), [[512, 1024, 2048]]);
        assert_eq!(split_offsets(&[(512, 10), (512 + MAX_GAP + 11, 10)], 4), [[512], [512 + MAX_GAP + 11]]);
        assert_eq!(split_offsets(&[(512, 100), (600, 10)], 4), [[512], [600]], "overlapping");
        assert_eq!(split_offsets(&[(u64::MAX - 5, 100), (u64::MAX - 4, 10)], 4).len(), 2, "beyond every file");
        let many: Vec<(u64, u64)> = (0..64).map(|n| (n * 200 * kib, 100 * kib)).collect();
        assert_eq!(split_offsets(&many, 1).len(), 2, "12.5 MiB with the gaps, of at most 6.25");
        assert!(split_offsets(&many, 8).iter().all(|run| run.len() <= 10));
    }
}
