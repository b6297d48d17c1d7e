//! Downloads one archive: into a file over several connections, or as a stream to stdout or from a server whose archives
//! have no known length.

use std::ffi::OsStr;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use jiff::fmt::rfc2822;
use service_kit::cli::Failure;
use tokio::sync::Semaphore;

use super::file_download::{self, DownloadJob, FileOutcome};
use super::file_list::{FileAddress, FileEntry};
use super::file_names::choose_partial_names;
use super::local_files::Directory;
use super::report::Report;
use super::selection::Selection;
use super::server::Server;
use super::{PreparedSelection, archive_stream, prepare_selection};
use crate::cli::Get;
use crate::commands::requests::RequestError;
use crate::commands::session::Session;

pub async fn download_archive(
    server: &Arc<Server>,
    session: Option<&Session>,
    options: &Get,
    file: &Path,
    format: &'static str,
) -> Result<Report, Failure> {
    let PreparedSelection { selection, entries, .. } = prepare_selection(server, session, options).await?;
    let bytes = entries.iter().map(|entry| entry.size).sum();
    let mut report = Report { files: entries.len(), bytes, ..Report::default() };
    let address = FileAddress::Archive(format);
    // A ZIP contains its own checksums.
    let checked = if options.no_verify || options.zip.is_some() { &[] } else { entries.as_slice() };
    let failed = |e: RequestError| Failure::from_error(&e);
    if file == Path::new("-") {
        server.meter.start(bytes);
        let mut out = std::io::stdout().lock();
        archive_stream::send_archive(&selection, &address, checked, &mut out).await.map_err(failed)?;
        report.downloaded = report.files;
        return Ok(report);
    }
    let done = match build_entry(&selection, address.clone(), file).await.map_err(failed)? {
        Some(entry) => download_in_parts(selection, entry, file, options, checked).await?,
        None => {
            let mut out = File::create(file).map_err(|e| file_error(file, &e))?;
            server.meter.start(bytes);
            archive_stream::send_archive(&selection, &address, checked, &mut out).await.map_err(failed)?;
            FileOutcome::Downloaded
        }
    };
    match done {
        FileOutcome::Downloaded => report.downloaded = report.files,
        FileOutcome::Present => report.present = report.files,
    }
    Ok(report)
}

fn file_error(file: &Path, e: &std::io::Error) -> Failure {
    Failure::Failed(format!("cannot use {}: {e}", file.display()))
}

/// Length and version of an archive.
#[derive(Debug, Clone)]
pub struct ArchiveInfo {
    pub size: u64,
    pub etag: String,
    modified: Option<i64>,
}

/// Asks for length and version of an archive; `None` if the server does not know both.
pub async fn describe_archive(
    selection: &Selection,
    address: &FileAddress,
) -> Result<Option<ArchiveInfo>, RequestError> {
    let answer = selection.server.head(&selection.get_url(address).await?).await?;
    let header = |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok());
    let size = header("content-length").and_then(|text| text.parse().ok());
    let (Some(size), Some(etag)) = (size, header("etag")) else { return Ok(None) };
    let modified =
        header("last-modified").and_then(|text| rfc2822::parse(text).ok()).map(|time| time.timestamp().as_second());
    Ok(Some(ArchiveInfo { size, etag: etag.to_owned(), modified }))
}

/// The archive as a file entry, if the server knows its length and version.
async fn build_entry(
    selection: &Selection,
    address: FileAddress,
    file: &Path,
) -> Result<Option<FileEntry>, RequestError> {
    let Some(name) = file.file_name().and_then(OsStr::to_str) else {
        return Err(RequestError::Failed(format!("{} is no name of a file", file.display())));
    };
    let Some(ArchiveInfo { size, etag: _, modified }) = describe_archive(selection, &address).await? else {
        return Ok(None);
    };
    Ok(Some(FileEntry { path: name.to_owned(), size, modified, crc: None, address, tar_offset: None }))
}

async fn download_in_parts(
    selection: Selection,
    entry: FileEntry,
    file: &Path,
    options: &Get,
    checked: &[FileEntry],
) -> Result<FileOutcome, Failure> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    selection.server.meter.start(entry.size);
    let names = choose_partial_names(&entry.path, &[entry.path.clone()].into());
    let job = DownloadJob {
        selection: Arc::new(selection),
        directory: Directory::open(folder).map_err(|e| file_error(folder, &e))?,
        connections: Arc::new(Semaphore::new(options.jobs.into())),
        verify: !options.no_verify,
    };
    let done = file_download::download_file(Arc::new(job), Arc::new(entry), names)
        .await
        .map_err(|e| Failure::from_error(&e))?;
    let damaged = File::open(file)
        .and_then(|file| archive_stream::list_damaged_files(file, checked))
        .map_err(|e| file_error(file, &e))?;
    if damaged.is_empty() {
        return Ok(done);
    }
    std::fs::remove_file(file).map_err(|e| file_error(file, &e))?;
    let text = format!("these files differ from the list, so {} is removed", file.display());
    Err(Failure::Failed(format!("{text}: {}", damaged.join(", "))))
}
