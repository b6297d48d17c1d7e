//! Blobs as files of a directory.

use std::fs::File;
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions};
use jiff::Timestamp;
use service_kit::{Blocking, BuildError, Pools, Problem};

use crate::attachments::GRACE_PERIOD;
use crate::attachments::storage::storage_failed;

const THREADS: usize = 8;
const QUEUE: usize = 256;
/// The end of names of files that are being written.
const PARTIAL: &str = ".part";

#[derive(Clone)]
pub struct Directory {
    root: Arc<Dir>,
    pool: Blocking,
}

/// A file that is being written; it is removed if it is not committed.
pub struct PartialFile {
    root: Arc<Dir>,
    pool: Blocking,
    name: String,
    file: Arc<Mutex<File>>,
    is_committed: bool,
}

impl Directory {
    pub fn open(directory: &Path, pools: &Pools) -> Result<Self, BuildError> {
        let failed = |e: io::Error| BuildError::Other(format!("logbook.attachments_dir {}: {e}", directory.display()));
        // Attachments are for whoever may read the logbook, not for everybody on the host.
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(failed)?;
        let root = Dir::open_ambient_dir(directory, ambient_authority()).map_err(failed)?;
        Ok(Self { root: Arc::new(root), pool: pools.open("logbook.attachments", THREADS, QUEUE) })
    }

    pub async fn create_file(&self, name: String) -> Result<PartialFile, Problem> {
        let (root, name) = (Arc::clone(&self.root), format!(".{name}{PARTIAL}"));
        let path = name.clone();
        let opened = self.pool.run(move || create_file(&root, &path)).await?;
        let file = Arc::new(Mutex::new(opened.map_err(storage_failed)?));
        Ok(PartialFile { root: Arc::clone(&self.root), pool: self.pool.clone(), name, file, is_committed: false })
    }

    /// Creates a file without a name, which is deleted when it is closed.
    pub async fn create_temp_file(&self, name: String) -> Result<File, Problem> {
        let (root, name) = (Arc::clone(&self.root), format!(".{name}{PARTIAL}"));
        let made = self.pool.run_queued(move || {
            let file = create_file(&root, &name)?;
            root.remove_file(&name).map(|()| file)
        });
        made.await?.map_err(storage_failed)
    }

    /// Moves the file to its key, on disk, unless there is one already.
    pub async fn commit(&self, mut part: PartialFile, key: String, bytes: u64) -> Result<(), Problem> {
        let (root, name, file) = (Arc::clone(&self.root), part.name.clone(), Arc::clone(&part.file));
        let committed = self.pool.run_queued(move || commit_file(&root, &name, &file, &key, bytes)).await?;
        part.is_committed = committed.map_err(storage_failed)?;
        Ok(())
    }

    pub async fn read_range(&self, key: String, offset: u64, length: u64) -> Result<Vec<u8>, Problem> {
        let root = Arc::clone(&self.root);
        let read = self.pool.run_queued(move || {
            let file = root.open(blob_path(&key))?.into_std();
            let mut bytes = vec![0; usize::try_from(length).unwrap_or_default()];
            file.read_exact_at(&mut bytes, offset).map(|()| bytes)
        });
        read.await?.map_err(storage_failed)
    }

    pub async fn remove(&self, key: String) -> Result<(), Problem> {
        let root = Arc::clone(&self.root);
        self.pool.run_queued(move || ignore_missing(root.remove_file(blob_path(&key)))).await?.map_err(storage_failed)
    }

    pub async fn remove_stale_files(&self, now: Timestamp) -> Result<(), Problem> {
        let root = Arc::clone(&self.root);
        self.pool.run_queued(move || remove_stale_files(&root, to_system_time(now))).await?.map_err(storage_failed)
    }
}

fn create_file(root: &Dir, name: &str) -> io::Result<File> {
    Ok(root.open_with(name, OpenOptions::new().write(true).read(true).create_new(true))?.into_std())
}

impl PartialFile {
    pub async fn write(&self, bytes: Vec<u8>) -> Result<(), Problem> {
        let file = Arc::clone(&self.file);
        let written = self.pool.run_queued(move || lock_file(&file).write_all(&bytes)).await?;
        written.map_err(storage_failed)
    }

    /// What was written so far.
    pub async fn read_all(&self, bytes: u64) -> Result<Vec<u8>, Problem> {
        let file = Arc::clone(&self.file);
        let read = self.pool.run_queued(move || {
            let mut all = vec![0; usize::try_from(bytes).unwrap_or_default()];
            lock_file(&file).read_exact_at(&mut all, 0).map(|()| all)
        });
        read.await?.map_err(storage_failed)
    }
}

impl Drop for PartialFile {
    fn drop(&mut self) {
        // If this fails, the next cleanup removes the file.
        if !self.is_committed
            && let Err(e) = self.root.remove_file(&self.name)
        {
            tracing::debug!(error = %e, "a file that was not finished stays for now");
        }
    }
}

fn lock_file(file: &Mutex<File>) -> std::sync::MutexGuard<'_, File> {
    file.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Two levels, so that no directory gets too many files.
fn blob_path(key: &str) -> String {
    format!("{}/{key}", &key[..2.min(key.len())])
}

/// Whether the partial file has become the blob.
fn commit_file(root: &Dir, name: &str, file: &Mutex<File>, key: &str, bytes: u64) -> io::Result<bool> {
    let (path, parent) = (blob_path(key), &key[..2]);
    let is_there = match root.metadata(&path) {
        Ok(known) => known.len() == bytes,
        Err(e) if e.kind() == ErrorKind::NotFound => false,
        Err(e) => return Err(e),
    };
    if !is_there {
        lock_file(file).sync_all()?;
        root.create_dir_all(parent)?;
        root.rename(name, root, &path)?;
    }
    // Even if the blob exists already, it can be relied on only when its directory entry is on disk.
    for directory in [parent, "."] {
        root.open(directory)?.sync_all()?;
    }
    Ok(!is_there)
}

fn remove_stale_files(root: &Dir, now: SystemTime) -> io::Result<()> {
    for entry in root.entries()? {
        let entry = entry?;
        if !entry.file_name().to_string_lossy().ends_with(PARTIAL) {
            continue;
        }
        let modified = match entry.metadata() {
            Ok(known) => known.modified()?.into_std(),
            Err(e) if e.kind() == ErrorKind::NotFound => continue,
            Err(e) => return Err(e),
        };
        if now.duration_since(modified).is_ok_and(|age| age > GRACE_PERIOD) {
            ignore_missing(root.remove_file(entry.file_name()))?;
        }
    }
    Ok(())
}

/// It is no error that somebody else has removed it.
fn ignore_missing(done: io::Result<()>) -> io::Result<()> {
    match done {
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

fn to_system_time(now: Timestamp) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_micros(u64::try_from(now.as_microsecond()).unwrap_or_default())
}
