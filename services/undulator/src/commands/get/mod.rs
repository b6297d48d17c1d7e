//! `undulator get`: downloads over several connections, which can be interrupted and resumed.

mod archive;
mod archive_batches;
mod archive_stream;
mod file_download;
mod file_list;
mod file_names;
mod file_parts;
mod ids_server;
mod investigation;
mod local_files;
mod progress_meter;
mod report;
mod selection;
mod server;
mod tar_ranges;
mod transfer;

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use service_kit::cli::{Failure, format_count, print_result};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use self::file_download::{DownloadJob, FileOutcome};
use self::file_list::{FileEntry, FileList, reject_unsafe_paths};
use self::investigation::find_investigation;
use self::local_files::Directory;
use self::report::{FailedFile, Report};
use self::selection::Selection;
use self::server::Server;
use super::requests::RequestError;
use super::session::{Session, missing_session_error};
use crate::cli::{Get, What};

/// How often a selection is prepared if its files change during the download.
const MAX_ROUNDS: usize = 3;

pub async fn run_get(options: Get, json: bool) -> Result<(), Failure> {
    let server = Arc::new(Server::new(&options)?);
    let has_other_address = options.ids_url.is_some() || options.icat_url.is_some();
    let facility = options.url.as_deref().filter(|_| !has_other_address);
    let session = Session::open(&server.http, server.icat.as_deref(), facility, &options.session).await?;
    // A prepared selection needs none.
    if session.is_none() && options.what.prepared.is_none() {
        return Err(missing_session_error());
    }
    let outcome = download_selection(&server, session.as_ref(), &options).await;
    if let Some(session) = &session {
        session.log_out().await;
    }
    let mut report = outcome?;
    report.bytes_received = server.meter.bytes_received();
    drop(server);
    let is_stdout = [&options.tar, &options.zip].into_iter().flatten().any(|file| file == Path::new("-"));
    if is_stdout {
        eprintln!("{}", report.render_sentence());
    } else {
        print_result(json, &report, &report.render_sentence())?;
    }
    for FailedFile { path, reason } in &report.failed {
        eprintln!("failed: {path}: {reason}");
    }
    match report.failed.len() {
        0 => Ok(()),
        n => Err(Failure::Failed(format!("not downloaded: {n} of {}", format_count(report.files, "file")))),
    }
}

/// The form for `prepareData`.
async fn build_form(session: &Session, options: &Get) -> Result<Vec<(&'static str, String)>, Failure> {
    let joined = |ids: &[i64]| ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    let What { investigation, dataset, datafile, prepared: _, list } = &options.what;
    let (name, ids) = if let Some(wanted) = investigation {
        let id = find_investigation(session, wanted, options.visit.as_deref()).await?;
        ("investigationIds", id.to_string())
    } else if let Some(file) = list {
        ("datafileIds", joined(&read_id_list(file)?))
    } else if dataset.is_empty() {
        ("datafileIds", joined(datafile))
    } else {
        ("datasetIds", joined(dataset))
    };
    // Without `zip`, a single file is not archived. An archive needs all files; otherwise missing files are skipped.
    let is_archive = options.tar.is_some() || options.zip.is_some();
    let form = if is_archive { ("zip", "true".to_owned()) } else { ("missing", "skip".to_owned()) };
    Ok(vec![("sessionId", session.id.clone()), (name, ids), form])
}

fn read_id_list(file: &Path) -> Result<Vec<i64>, Failure> {
    let source = if file == Path::new("-") { Path::new("/dev/stdin") } else { file };
    let text = std::fs::read_to_string(source)
        .map_err(|e| Failure::Failed(format!("cannot read the list {}: {e}", file.display())))?;
    let words = text.split(|c: char| c.is_whitespace() || c == ',').filter(|word| !word.is_empty());
    let ids: Result<Vec<i64>, _> = words.map(str::parse).collect();
    match ids {
        Ok(ids) if !ids.is_empty() => Ok(ids),
        _ => Err(Failure::Usage(format!("{} is not a list of datafile ids", file.display()))),
    }
}

/// A selection with its files.
struct PreparedSelection {
    selection: Selection,
    entries: Vec<FileEntry>,
    /// Files that the server does not have.
    missing: Vec<FailedFile>,
}

async fn prepare_selection(
    server: &Arc<Server>,
    session: Option<&Session>,
    options: &Get,
) -> Result<PreparedSelection, Failure> {
    let failed = |e: RequestError| match e {
        RequestError::Refused(text) => Failure::Failed(format!("{text} Log in again, or as a user who may read it.")),
        e => Failure::from_error(&e),
    };
    let prepared = match (&options.what.prepared, session) {
        (Some(id), _) => id.clone(),
        (None, Some(session)) => {
            let form = build_form(session, options).await?;
            server.post("/prepareData", &form, &session.id).await.map_err(failed)?
        }
        (None, None) => return Err(Failure::Usage("no session: give --user or --session-file".to_owned())),
    };
    if !selection::is_prepared_id(&prepared) {
        return Err(Failure::Failed("the server sent an invalid id of the prepared selection".to_owned()));
    }
    let id = session.map_or_else(String::new, |session| session.id.clone());
    if let Some(FileList { entries, tokens, missing }) =
        file_list::fetch_file_list(server, &prepared).await.map_err(failed)?
    {
        let selection = Selection::new(Arc::clone(server), prepared, tokens, id);
        return Ok(PreparedSelection { selection, entries, missing });
    }
    let (entries, missing) = match session {
        _ if options.zip.is_some() => (Vec::new(), Vec::new()),
        _ if options.tar.is_some() => {
            return Err(Failure::Failed("this server cannot send tar archives; use --zip".to_owned()));
        }
        Some(session) => ids_server::list_files(server, &prepared, session).await?,
        None => {
            let text = "this server does not list prepared files; give --user or --session-file, or use --zip";
            return Err(Failure::Usage(text.to_owned()));
        }
    };
    Ok(PreparedSelection { selection: Selection::new(Arc::clone(server), prepared, Vec::new(), id), entries, missing })
}

async fn download_selection(server: &Arc<Server>, session: Option<&Session>, options: &Get) -> Result<Report, Failure> {
    match (&options.tar, &options.zip) {
        (Some(file), _) => archive::download_archive(server, session, options, file, "&format=tar").await,
        (None, Some(file)) => archive::download_archive(server, session, options, file, "&format=zip").await,
        (None, None) => download_files(server, session, options).await,
    }
}

/// Downloads all files, and again those that changed during the download.
async fn download_files(server: &Arc<Server>, session: Option<&Session>, options: &Get) -> Result<Report, Failure> {
    let unusable = |e| Failure::Failed(format!("cannot use the directory {}: {e}", options.out.display()));
    let mut finished: HashMap<String, (FileEntry, FileOutcome)> = HashMap::new();
    for round in 1.. {
        let PreparedSelection { selection, entries, missing } = prepare_selection(server, session, options).await?;
        let job = Arc::new(DownloadJob {
            selection: Arc::new(selection),
            directory: Directory::open(&options.out).map_err(unusable)?,
            connections: Arc::new(Semaphore::new(options.jobs.into())),
            verify: !options.no_verify,
        });
        let mut report = Report { files: entries.len() + missing.len(), failed: missing, ..Report::default() };
        report.bytes = entries.iter().map(|entry| entry.size).sum();
        server.meter.start(report.bytes);
        let (entries, refused) = reject_unsafe_paths(entries);
        report.failed.extend(refused.into_iter().map(|(path, reason)| FailedFile { path, reason }));
        let wanted: HashSet<String> = entries.iter().map(|entry| entry.path.clone()).collect();
        finished.retain(|path, _| wanted.contains(path));
        let entries = list_unfinished(entries, &finished, server);
        let taken = tar_ranges::download_small_files(&job, entries, &wanted, options.jobs.into()).await?;
        finished.extend(taken.finished.into_iter().map(|(entry, done)| (entry.path.clone(), (entry, done))));
        report.failed.extend(taken.failed);
        let entries = taken.rest;
        let changed =
            download_single_files(&job, entries, &wanted, options.jobs.into(), &mut finished, &mut report.failed)
                .await?;
        if changed.is_empty() || round == MAX_ROUNDS || options.what.prepared.is_some() {
            report.failed.extend(changed);
            report.present = finished.values().filter(|(_, done)| *done == FileOutcome::Present).count();
            report.downloaded = finished.len() - report.present;
            let known = |entry: &FileEntry| entry.crc.is_some() || entry.size == 0;
            report.unverified = finished.values().filter(|(entry, _)| options.no_verify || !known(entry)).count();
            return Ok(report);
        }
        for FailedFile { path, reason } in changed {
            server.meter.print_note(&format!("{path}: {reason}; preparing the selection again"));
        }
    }
    Err(Failure::Failed("the selection was never prepared".to_owned()))
}

/// Removes the files that an earlier round has downloaded in this version.
fn list_unfinished(
    entries: Vec<FileEntry>,
    finished: &HashMap<String, (FileEntry, FileOutcome)>,
    server: &Server,
) -> Vec<FileEntry> {
    let is_finished = |entry: &FileEntry| {
        finished.get(&entry.path).is_some_and(|(known, _)| {
            (known.size, known.modified, known.crc) == (entry.size, entry.modified, entry.crc)
        })
    };
    let (done, entries): (Vec<FileEntry>, Vec<FileEntry>) = entries.into_iter().partition(is_finished);
    server.meter.add_present(done.iter().map(|entry| entry.size).sum());
    entries
}

/// Downloads files one by one; the files that changed during the download.
async fn download_single_files(
    job: &Arc<DownloadJob>,
    entries: Vec<FileEntry>,
    taken: &HashSet<String>,
    jobs: usize,
    finished: &mut HashMap<String, (FileEntry, FileOutcome)>,
    failed: &mut Vec<FailedFile>,
) -> Result<Vec<FailedFile>, Failure> {
    let mut running: JoinSet<(Arc<FileEntry>, Result<FileOutcome, RequestError>)> = JoinSet::new();
    let mut changed = Vec::new();
    let mut entries = entries.into_iter().peekable();
    while entries.peek().is_some() || !running.is_empty() {
        if running.len() < jobs
            && let Some(entry) = entries.next()
        {
            let (job, entry, names) = (Arc::clone(job), Arc::new(entry), taken);
            let names = file_names::choose_partial_names(&entry.path, names);
            running.spawn(async move {
                let outcome = file_download::download_file(job, Arc::clone(&entry), names).await;
                (entry, outcome)
            });
            continue;
        }
        let Some(ended) = running.join_next().await else { continue };
        let (entry, outcome) = ended.map_err(|e| Failure::from_error(&e))?;
        let named = |e: RequestError| FailedFile { path: entry.path.clone(), reason: e.to_string() };
        match outcome {
            Ok(done) => {
                finished.insert(entry.path.clone(), ((*entry).clone(), done));
            }
            Err(e @ RequestError::Changed(_)) => changed.push(named(e)),
            Err(e) => failed.push(named(e)),
        }
    }
    Ok(changed)
}
