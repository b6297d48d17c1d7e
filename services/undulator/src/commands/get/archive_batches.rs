//! Downloads small files from ids.server, which has no file lists. It can archive any datafiles, so many of them cost two
//! requests. If an archive is incomplete because one of its files is missing, it is requested again in two halves.

use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::io::{self, BufWriter, Read as _, Write as _};
use std::sync::Arc;

use service_kit::cli::Failure;
use tokio::task::{JoinSet, block_in_place};
use zip::ZipArchive;

use super::file_download::DownloadJob;
use super::file_list::FileAddress;
use super::selection::is_prepared_id;
use super::tar_ranges::{BatchOutcome, SmallFile};
use super::transfer::{FetchRequest, fetch_bytes};
use crate::commands::requests::RequestError;

/// Limits of one archive, which is kept in a temporary file.
const MAX_FILES: usize = 500;
const MAX_BYTES: u64 = 32 << 20;
/// Fewer files are requested one by one.
const MIN_FILES: usize = 4;

/// Downloads the missing files.
pub async fn download_batches(
    job: &Arc<DownloadJob>,
    missing: Vec<SmallFile>,
    jobs: usize,
) -> Result<BatchOutcome, Failure> {
    let mut outcome = BatchOutcome::default();
    let mut ahead = split_into_batches(missing, jobs);
    let mut running: JoinSet<Batch> = JoinSet::new();
    while !ahead.is_empty() || !running.is_empty() {
        if running.len() < jobs
            && let Some(files) = ahead.pop_front()
        {
            if files.len() < MIN_FILES {
                outcome.rest.extend(files.into_iter().map(|file| file.entry));
                continue;
            }
            let job = Arc::clone(job);
            running.spawn(async move { download_batch(&job, files).await });
            continue;
        }
        let Some(ended) = running.join_next().await else { continue };
        let Batch { done, files, whole } = ended.map_err(|e| Failure::from_error(&e))?;
        outcome.extend(done);
        let mut files = files;
        match whole {
            // Files that the archive lacks are requested one by one, which gives the reason for each.
            Ok(()) => outcome.rest.extend(files.into_iter().map(|file| file.entry)),
            Err(_) if files.len() < MIN_FILES => outcome.rest.extend(files.into_iter().map(|file| file.entry)),
            Err(_) => {
                let half = files.split_off(files.len() / 2);
                ahead.extend([files, half]);
            }
        }
    }
    Ok(outcome)
}

/// The outcome of one archive.
struct Batch {
    done: BatchOutcome,
    /// Files that the archive lacked.
    files: Vec<SmallFile>,
    whole: Result<(), RequestError>,
}

fn split_into_batches(mut files: Vec<SmallFile>, jobs: usize) -> VecDeque<Vec<SmallFile>> {
    let per_job = files.len().div_ceil(jobs.max(1)).clamp(MIN_FILES, MAX_FILES);
    let mut batches: VecDeque<Vec<SmallFile>> = VecDeque::new();
    let mut bytes = 0;
    files.sort_by(|a, b| a.entry.path.cmp(&b.entry.path));
    for file in files {
        bytes += file.entry.size;
        match batches.back_mut().filter(|batch| batch.len() < per_job && bytes <= MAX_BYTES) {
            Some(batch) => batch.push(file),
            None => {
                bytes = file.entry.size;
                batches.push_back(vec![file]);
            }
        }
    }
    batches
}

async fn download_batch(job: &DownloadJob, files: Vec<SmallFile>) -> Batch {
    let mut batch = Batch { done: BatchOutcome::default(), files: Vec::new(), whole: Ok(()) };
    match fetch_archive(job, &files).await {
        Ok(archive) => {
            let unpacked = block_in_place(|| unpack_archive(job, archive, files, &mut batch.done));
            (batch.files, batch.whole) = unpacked;
        }
        Err(e) => (batch.files, batch.whole) = (files, Err(e)),
    }
    batch
}

/// Downloads the archive of these files into a temporary file.
async fn fetch_archive(job: &DownloadJob, files: &[SmallFile]) -> Result<File, RequestError> {
    let selection = &job.selection;
    let _connection =
        job.connections.acquire().await.map_err(|e| RequestError::from_error("no connection is free", &e))?;
    let ids: Vec<String> = files.iter().filter_map(|file| Some(file.datafile()?.0.to_string())).collect();
    let form = [("sessionId", selection.session.clone()), ("datafileIds", ids.join(",")), ("zip", "true".to_owned())];
    let prepared = selection.server.post("/prepareData", &form, &selection.session).await?;
    if !is_prepared_id(&prepared) {
        return Err(RequestError::Failed("the server sent an invalid id of the prepared selection".to_owned()));
    }
    let wrong = |e: io::Error| RequestError::from_error("cannot store a temporary archive", &e);
    let mut out = BufWriter::new(tempfile::tempfile().map_err(wrong)?);
    let address = FileAddress::Prepared(prepared);
    let wanted = FetchRequest { address: &address, bytes: 0..u64::MAX, size: None, etag: None };
    fetch_bytes(selection, wanted, |piece| block_in_place(|| out.write_all(piece))).await?;
    out.into_inner().map_err(|e| wrong(e.into_error()))
}

/// Writes the files of an archive; the files that it lacks, and an error if it is damaged.
fn unpack_archive(
    job: &DownloadJob,
    archive: File,
    files: Vec<SmallFile>,
    done: &mut BatchOutcome,
) -> (Vec<SmallFile>, Result<(), RequestError>) {
    let unreadable = |e: zip::result::ZipError| RequestError::from_error("the archive cannot be read", &e);
    let mut archive = match ZipArchive::new(archive) {
        Ok(archive) => archive,
        Err(e) => return (files, Err(unreadable(e))),
    };
    // Of files with the same name, it is unknown which one is in the archive.
    let mut names: HashMap<String, usize> = HashMap::new();
    for file in &files {
        let name = file.datafile().map(|(_, name)| name.to_owned()).unwrap_or_default();
        *names.entry(name).or_default() += 1;
    }
    let (mut left, mut whole) = (Vec::new(), Ok(()));
    for file in files {
        let name = file.datafile().map(|(_, name)| name).filter(|name| names.get(*name) == Some(&1));
        let bytes = name.map(|name| read_member(&mut archive, name, file.entry.size));
        match bytes {
            Some(Ok(Some(bytes))) => file.store_bytes(job, &bytes, done),
            Some(Err(e)) => {
                whole = Err(unreadable(e));
                left.push(file);
            }
            Some(Ok(None)) | None => left.push(file),
        }
    }
    (left, whole)
}

/// Reads a member, at most one byte more than listed; `None` if there is no such member.
fn read_member(
    archive: &mut ZipArchive<File>,
    name: &str,
    size: u64,
) -> Result<Option<Vec<u8>>, zip::result::ZipError> {
    let member = match archive.by_name(name) {
        Err(zip::result::ZipError::FileNotFound) => return Ok(None),
        member => member?,
    };
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
    member.take(size + 1).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}
