//! Contents as files of a directory.

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

use crate::attachments::{GRACE, failed};

const THREADS: usize = 8;
const QUEUE: usize = 256;
/// The end of names of files that are being written.
const PART: &str = ".part";

#[derive(Clone)]
pub struct Directory {
    root: Arc<Dir>,
    pool: Blocking,
}

/// A file that is being written; it goes if it is not kept.
pub struct Part {
    root: Arc<Dir>,
    pool: Blocking,
    name: String,
    file: Arc<Mutex<File>>,
    is_kept: bool,
}

impl Directory {
    pub fn open(directory: &Path, pools: &Pools) -> Result<Self, BuildError> {
        let failed = |e: io::Error| BuildError::Other(format!("logbook.attachments_dir {}: {e}", directory.display()));
        // Attachments are for whoever may read the logbook, not for everybody on the host.
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(failed)?;
        let root = Dir::open_ambient_dir(directory, ambient_authority()).map_err(failed)?;
        Ok(Self { root: Arc::new(root), pool: pools.open("logbook.attachments", THREADS, QUEUE) })
    }

    pub async fn begin(&self, name: String) -> Result<Part, Problem> {
        let (root, name) = (Arc::clone(&self.root), format!(".{name}{PART}"));
        let path = name.clone();
        let opened = self.pool.run(move || create(&root, &path)).await?;
        let file = Arc::new(Mutex::new(opened.map_err(failed)?));
        Ok(Part { root: Arc::clone(&self.root), pool: self.pool.clone(), name, file, is_kept: false })
    }

    /// A file without a name, which is gone when it is closed.
    pub async fn scratch(&self, name: String) -> Result<File, Problem> {
        let (root, name) = (Arc::clone(&self.root), format!(".{name}{PART}"));
        let made = self.pool.run_queued(move || {
            let file = create(&root, &name)?;
            root.remove_file(&name).map(|()| file)
        });
        made.await?.map_err(failed)
    }

    /// The file under its key, on disk, unless it is there already.
    pub async fn keep(&self, mut part: Part, key: String, bytes: u64) -> Result<(), Problem> {
        let (root, name, file) = (Arc::clone(&self.root), part.name.clone(), Arc::clone(&part.file));
        let kept = self.pool.run_queued(move || keep(&root, &name, &file, &key, bytes)).await?;
        part.is_kept = kept.map_err(failed)?;
        Ok(())
    }

    pub async fn read(&self, key: String, at: u64, length: u64) -> Result<Vec<u8>, Problem> {
        let root = Arc::clone(&self.root);
        let read = self.pool.run_queued(move || {
            let file = root.open(place(&key))?.into_std();
            let mut bytes = vec![0; usize::try_from(length).unwrap_or_default()];
            file.read_exact_at(&mut bytes, at).map(|()| bytes)
        });
        read.await?.map_err(failed)
    }

    pub async fn remove(&self, key: String) -> Result<(), Problem> {
        let root = Arc::clone(&self.root);
        self.pool.run_queued(move || found(root.remove_file(place(&key)))).await?.map_err(failed)
    }

    pub async fn tidy(&self, now: Timestamp) -> Result<(), Problem> {
        let root = Arc::clone(&self.root);
        self.pool.run_queued(move || tidy(&root, system(now))).await?.map_err(failed)
    }
}

fn create(root: &Dir, name: &str) -> io::Result<File> {
    Ok(root.open_with(name, OpenOptions::new().write(true).read(true).create_new(true))?.into_std())
}

impl Part {
    pub async fn write(&self, bytes: Vec<u8>) -> Result<(), Problem> {
        let file = Arc::clone(&self.file);
        let written = self.pool.run_queued(move || lock(&file).write_all(&bytes)).await?;
        written.map_err(failed)
    }

    /// What was written so far.
    pub async fn all(&self, bytes: u64) -> Result<Vec<u8>, Problem> {
        let file = Arc::clone(&self.file);
        let read = self.pool.run_queued(move || {
            let mut all = vec![0; usize::try_from(bytes).unwrap_or_default()];
            lock(&file).read_exact_at(&mut all, 0).map(|()| all)
        });
        read.await?.map_err(failed)
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // One unlink; what it misses goes with the next tidying.
        if !self.is_kept
            && let Err(e) = self.root.remove_file(&self.name)
        {
            tracing::debug!(error = %e, "a file that was not finished stays for now");
        }
    }
}

fn lock(file: &Mutex<File>) -> std::sync::MutexGuard<'_, File> {
    file.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Two levels, so that no directory gets too many files.
fn place(key: &str) -> String {
    format!("{}/{key}", &key[..2.min(key.len())])
}

/// Whether the part has become the file.
fn keep(root: &Dir, name: &str, file: &Mutex<File>, key: &str, bytes: u64) -> io::Result<bool> {
    let (place, above) = (place(key), &key[..2]);
    let is_there = match root.metadata(&place) {
        Ok(known) => known.len() == bytes,
        Err(e) if e.kind() == ErrorKind::NotFound => false,
        Err(e) => return Err(e),
    };
    if !is_there {
        lock(file).sync_all()?;
        root.create_dir_all(above)?;
        root.rename(name, root, &place)?;
    }
    // Also who finds the bytes there may not rely on them before their name is on disk.
    for directory in [above, "."] {
        root.open(directory)?.sync_all()?;
    }
    Ok(!is_there)
}

fn tidy(root: &Dir, now: SystemTime) -> io::Result<()> {
    for entry in root.entries()? {
        let entry = entry?;
        if !entry.file_name().to_string_lossy().ends_with(PART) {
            continue;
        }
        let modified = match entry.metadata() {
            Ok(known) => known.modified()?.into_std(),
            Err(e) if e.kind() == ErrorKind::NotFound => continue,
            Err(e) => return Err(e),
        };
        if now.duration_since(modified).is_ok_and(|age| age > GRACE) {
            found(root.remove_file(entry.file_name()))?;
        }
    }
    Ok(())
}

/// That somebody else has removed it is well.
fn found(done: io::Result<()>) -> io::Result<()> {
    match done {
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

fn system(now: Timestamp) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_micros(u64::try_from(now.as_microsecond()).unwrap_or_default())
}
