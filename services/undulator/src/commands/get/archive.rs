//! One archive: into a file over several connections like any other file, or forward only to stdout, or from a server
//! whose archives have no length.

use std::ffi::OsStr;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use jiff::fmt::rfc2822;
use service_kit::cli::Failure;
use tokio::sync::Semaphore;

use super::disk::Directory;
use super::error::GetError;
use super::file::{self, Done, Job};
use super::list::{Address, Entry};
use super::names::partial;
use super::report::Report;
use super::selection::Selection;
use super::server::Server;
use super::session::Session;
use super::{Prepared, prepare, stream};
use crate::cli::Get;

pub async fn get(
    server: &Arc<Server>,
    session: Option<&Session>,
    options: &Get,
    file: &Path,
    format: &'static str,
) -> Result<Report, Failure> {
    let Prepared { selection, entries, .. } = prepare(server, session, options).await?;
    let bytes = entries.iter().map(|entry| entry.size).sum();
    let mut report = Report { files: entries.len(), bytes, ..Report::default() };
    let address = Address::Archive(format);
    // A ZIP has its checksums in itself.
    let checked = if options.no_verify || options.zip.is_some() { &[] } else { entries.as_slice() };
    let failed = |e: GetError| Failure::from_error(&e);
    if file == Path::new("-") {
        server.meter.expect(bytes);
        let mut out = std::io::stdout().lock();
        stream::send(&selection, &address, checked, &mut out).await.map_err(failed)?;
        report.downloaded = report.files;
        return Ok(report);
    }
    let done = match described(&selection, address.clone(), file).await.map_err(failed)? {
        Some(entry) => in_parts(selection, entry, file, options, checked).await?,
        None => {
            let mut out = File::create(file).map_err(|e| unusable(file, &e))?;
            server.meter.expect(bytes);
            stream::send(&selection, &address, checked, &mut out).await.map_err(failed)?;
            Done::Downloaded
        }
    };
    match done {
        Done::Downloaded => report.downloaded = report.files,
        Done::Present => report.present = report.files,
    }
    Ok(report)
}

fn unusable(file: &Path, e: &std::io::Error) -> Failure {
    Failure::Failed(format!("cannot use {}: {e}", file.display()))
}

/// What a server says of an archive.
#[derive(Debug, Clone)]
pub struct Described {
    pub size: u64,
    pub etag: String,
    modified: Option<i64>,
}

/// Length and version of an archive, if the server knows both.
pub async fn describe(selection: &Selection, address: &Address) -> Result<Option<Described>, GetError> {
    let answer = selection.server.head(&selection.address(address).await?).await?;
    let header = |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok());
    let size = header("content-length").and_then(|text| text.parse().ok());
    let (Some(size), Some(etag)) = (size, header("etag")) else { return Ok(None) };
    let modified =
        header("last-modified").and_then(|text| rfc2822::parse(text).ok()).map(|time| time.timestamp().as_second());
    Ok(Some(Described { size, etag: etag.to_owned(), modified }))
}

/// The archive as a file, if the server knows its length and its version.
async fn described(selection: &Selection, address: Address, file: &Path) -> Result<Option<Entry>, GetError> {
    let Some(name) = file.file_name().and_then(OsStr::to_str) else {
        return Err(GetError::Failed(format!("{} is no name of a file", file.display())));
    };
    let Some(Described { size, etag: _, modified }) = describe(selection, &address).await? else { return Ok(None) };
    Ok(Some(Entry { path: name.to_owned(), size, modified, crc: None, address, tar_offset: None }))
}

async fn in_parts(
    selection: Selection,
    entry: Entry,
    file: &Path,
    options: &Get,
    checked: &[Entry],
) -> Result<Done, Failure> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    selection.server.meter.expect(entry.size);
    let names = partial(&entry.path, &[entry.path.clone()].into());
    let job = Job {
        selection: Arc::new(selection),
        directory: Directory::open(folder).map_err(|e| unusable(folder, &e))?,
        connections: Arc::new(Semaphore::new(options.jobs.into())),
        verify: !options.no_verify,
    };
    let done = file::get(Arc::new(job), Arc::new(entry), names).await.map_err(|e| Failure::from_error(&e))?;
    let damaged = File::open(file).and_then(|file| stream::damaged(file, checked)).map_err(|e| unusable(file, &e))?;
    if damaged.is_empty() {
        return Ok(done);
    }
    std::fs::remove_file(file).map_err(|e| unusable(file, &e))?;
    let text = format!("these files did not come as they are listed, so {} is not kept", file.display());
    Err(Failure::Failed(format!("{text}: {}", damaged.join(", "))))
}
