//! Small files of a server that has no lists: ids.server makes an archive of any datafiles, so many of them cost two
//! requests. An archive that does not come whole, because a file of it is missing, is asked for in halves.

use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::io::{self, BufWriter, Read as _, Write as _};
use std::sync::Arc;

use service_kit::cli::Failure;
use tokio::task::{JoinSet, block_in_place};
use zip::ZipArchive;

use super::error::GetError;
use super::fetch::{Wanted, fetch};
use super::file::Job;
use super::list::Address;
use super::runs::{Outcome, Small};
use super::selection::is_prepared_id;

/// Of one archive; it lies in a temporary file.
const MOST_FILES: usize = 500;
const MOST_BYTES: u64 = 32 << 20;
/// Fewer files are asked for one by one.
const FEWEST: usize = 4;

/// Downloads files that are not here.
pub async fn get(job: &Arc<Job>, missing: Vec<Small>, jobs: usize) -> Result<Outcome, Failure> {
    let mut outcome = Outcome::default();
    let mut ahead = split(missing, jobs);
    let mut running: JoinSet<Batch> = JoinSet::new();
    while !ahead.is_empty() || !running.is_empty() {
        if running.len() < jobs
            && let Some(files) = ahead.pop_front()
        {
            if files.len() < FEWEST {
                outcome.rest.extend(files.into_iter().map(|file| file.entry));
                continue;
            }
            let job = Arc::clone(job);
            running.spawn(async move { take(&job, files).await });
            continue;
        }
        let Some(ended) = running.join_next().await else { continue };
        let Batch { done, files, whole } = ended.map_err(|e| Failure::from_error(&e))?;
        outcome.add(done);
        let mut files = files;
        match whole {
            // Not in the archive: it is said of each of them why.
            Ok(()) => outcome.rest.extend(files.into_iter().map(|file| file.entry)),
            Err(_) if files.len() < FEWEST => outcome.rest.extend(files.into_iter().map(|file| file.entry)),
            Err(_) => {
                let half = files.split_off(files.len() / 2);
                ahead.extend([files, half]);
            }
        }
    }
    Ok(outcome)
}

/// What became of the files of one archive.
struct Batch {
    done: Outcome,
    /// That were not in it.
    files: Vec<Small>,
    whole: Result<(), GetError>,
}

fn split(mut files: Vec<Small>, jobs: usize) -> VecDeque<Vec<Small>> {
    let per_job = files.len().div_ceil(jobs.max(1)).clamp(FEWEST, MOST_FILES);
    let mut batches: VecDeque<Vec<Small>> = VecDeque::new();
    let mut bytes = 0;
    files.sort_by(|a, b| a.entry.path.cmp(&b.entry.path));
    for file in files {
        bytes += file.entry.size;
        match batches.back_mut().filter(|batch| batch.len() < per_job && bytes <= MOST_BYTES) {
            Some(batch) => batch.push(file),
            None => {
                bytes = file.entry.size;
                batches.push_back(vec![file]);
            }
        }
    }
    batches
}

async fn take(job: &Job, files: Vec<Small>) -> Batch {
    let mut batch = Batch { done: Outcome::default(), files: Vec::new(), whole: Ok(()) };
    match archive(job, &files).await {
        Ok(archive) => {
            let unpacked = block_in_place(|| unpack(job, archive, files, &mut batch.done));
            (batch.files, batch.whole) = unpacked;
        }
        Err(e) => (batch.files, batch.whole) = (files, Err(e)),
    }
    batch
}

/// The archive of these files in a temporary file.
async fn archive(job: &Job, files: &[Small]) -> Result<File, GetError> {
    let selection = &job.selection;
    let _connection = job.connections.acquire().await.map_err(|e| GetError::failed("no connection is free", &e))?;
    let ids: Vec<String> = files.iter().filter_map(|file| Some(file.datafile()?.0.to_string())).collect();
    let form = [("sessionId", selection.session.clone()), ("datafileIds", ids.join(",")), ("zip", "true".to_owned())];
    let prepared = selection.server.post("/prepareData", &form, &selection.session).await?;
    if !is_prepared_id(&prepared) {
        return Err(GetError::Failed("the id of the prepared selection is none".to_owned()));
    }
    let wrong = |e: io::Error| GetError::failed("cannot keep an archive for a moment", &e);
    let mut out = BufWriter::new(tempfile::tempfile().map_err(wrong)?);
    let address = Address::Prepared(prepared);
    let wanted = Wanted { address: &address, bytes: 0..u64::MAX, size: None, etag: None };
    fetch(selection, wanted, |piece| block_in_place(|| out.write_all(piece))).await?;
    out.into_inner().map_err(|e| wrong(e.into_error()))
}

/// Writes the files that are in the archive; those that are not, and whether the archive could be read.
fn unpack(job: &Job, archive: File, files: Vec<Small>, done: &mut Outcome) -> (Vec<Small>, Result<(), GetError>) {
    let unreadable = |e: zip::result::ZipError| GetError::failed("the archive cannot be read", &e);
    let mut archive = match ZipArchive::new(archive) {
        Ok(archive) => archive,
        Err(e) => return (files, Err(unreadable(e))),
    };
    // Of two files with one name nobody knows which is in the archive.
    let mut names: HashMap<String, usize> = HashMap::new();
    for file in &files {
        let name = file.datafile().map(|(_, name)| name.to_owned()).unwrap_or_default();
        *names.entry(name).or_default() += 1;
    }
    let (mut left, mut whole) = (Vec::new(), Ok(()));
    for file in files {
        let name = file.datafile().map(|(_, name)| name).filter(|name| names.get(*name) == Some(&1));
        let bytes = name.map(|name| member(&mut archive, name, file.entry.size));
        match bytes {
            Some(Ok(Some(bytes))) => file.store(job, &bytes, done),
            Some(Err(e)) => {
                whole = Err(unreadable(e));
                left.push(file);
            }
            Some(Ok(None)) | None => left.push(file),
        }
    }
    (left, whole)
}

/// The bytes of a member, at most one more than it should have; `None` if there is no such member.
fn member(archive: &mut ZipArchive<File>, name: &str, size: u64) -> Result<Option<Vec<u8>>, zip::result::ZipError> {
    let member = match archive.by_name(name) {
        Err(zip::result::ZipError::FileNotFound) => return Ok(None),
        member => member?,
    };
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
    member.take(size + 1).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}
