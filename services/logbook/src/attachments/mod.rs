//! The bytes of attachments, in a directory by their SHA-256: written once, whole, and never changed.

mod sweep;

use std::io::{self, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_lc_rs::digest::{SHA256, digest};
use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions};
use jiff::Timestamp;
use service_kit::{Blocking, BuildError, Ids, Pools, Problem};

use crate::domain::ids::hex;
use crate::error::Error;

const THREADS: usize = 8;
const QUEUE: usize = 256;
/// How long bytes stay that nobody refers to.
const GRACE: Duration = Duration::from_hours(1);
/// The end of names of files that are being written.
const PART: &str = ".part";

pub use self::sweep::{Fate, directories};

/// A directory of attachments. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    root: Arc<Dir>,
    pool: Blocking,
}

/// Bytes that are on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    pub sha256: String,
    pub bytes: i64,
    /// What the bytes are, whatever their sender called them.
    pub media_type: &'static str,
}

impl Store {
    pub fn open(directory: &Path, pools: &Pools) -> Result<Self, BuildError> {
        let failed = |e: io::Error| BuildError::Other(format!("logbook.attachments_dir {}: {e}", directory.display()));
        std::fs::create_dir_all(directory).map_err(failed)?;
        let root = Dir::open_ambient_dir(directory, ambient_authority()).map_err(failed)?;
        Ok(Self { root: Arc::new(root), pool: pools.open("logbook.attachments", THREADS, QUEUE) })
    }

    /// Everything is on disk when this returns, and stays for [`GRACE`] at least, for whoever is about to refer to it. Bytes
    /// that are there already are not written again.
    pub async fn put(&self, bytes: Vec<u8>, ids: &dyn Ids, now: Timestamp) -> Result<Stored, Problem> {
        let root = Arc::clone(&self.root);
        let temporary = format!(".{}{PART}", ids.random_uuid());
        let written = self.pool.run(move || write(&root, &temporary, &bytes, system(now))).await?;
        Ok(written.map_err(Error::Storage)?)
    }

    pub async fn get(&self, sha256: &str) -> Result<Vec<u8>, Problem> {
        let (root, place) = (Arc::clone(&self.root), place(sha256));
        let read = self.pool.run(move || root.read(place)).await?;
        Ok(read.map_err(Error::Storage)?)
    }
}

impl Store {
    /// Names of the files in one of the [`directories`] that nobody has put for longer than [`GRACE`].
    pub async fn unused_for_long(&self, directory: String, now: Timestamp) -> Result<Vec<String>, Problem> {
        let root = Arc::clone(&self.root);
        let found = self.pool.run_in_turn(move || sweep::old_files(&root, &directory, system(now))).await?;
        Ok(found.map_err(Error::Storage)?)
    }

    /// Takes files away from where writers find them; those that were put again meanwhile stay. A writer that comes now
    /// writes the bytes anew.
    pub async fn set_aside(&self, sha256s: Vec<String>, now: Timestamp) -> Result<Vec<String>, Problem> {
        let root = Arc::clone(&self.root);
        let aside = self.pool.run_in_turn(move || sweep::set_aside(&root, sha256s, system(now))).await?;
        Ok(aside.map_err(Error::Storage)?)
    }

    /// Removes files that were set aside, or brings them back.
    pub async fn decide(&self, decisions: Vec<(String, Fate)>) -> Result<(), Problem> {
        let root = Arc::clone(&self.root);
        let done = self.pool.run_in_turn(move || sweep::decide(&root, &decisions)).await?;
        Ok(done.map_err(Error::Storage)?)
    }

    /// What a sweep or a writer left when it was killed: files set aside come back, parts go.
    pub async fn tidy(&self, now: Timestamp) -> Result<(), Problem> {
        let root = Arc::clone(&self.root);
        let done = self.pool.run_in_turn(move || sweep::tidy(&root, system(now))).await?;
        Ok(done.map_err(Error::Storage)?)
    }
}

fn system(now: Timestamp) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_micros(u64::try_from(now.as_microsecond()).unwrap_or_default())
}

/// Two levels, so that no directory gets too many files.
fn place(sha256: &str) -> String {
    format!("{}/{sha256}", &sha256[..2.min(sha256.len())])
}

fn write(root: &Dir, temporary: &str, bytes: &[u8], now: SystemTime) -> io::Result<Stored> {
    let sha256 = hex(digest(&SHA256, bytes).as_ref());
    let stored = Stored {
        bytes: i64::try_from(bytes.len()).unwrap_or(i64::MAX),
        media_type: infer::get(bytes).map_or("application/octet-stream", |kind| kind.mime_type()),
        sha256,
    };
    let place = place(&stored.sha256);
    let above = &stored.sha256[..2];
    if is_kept(root, &place, bytes.len(), now)? {
        return sync(root, above).map(|()| stored);
    }
    let mut file = root.open_with(temporary, OpenOptions::new().write(true).create_new(true))?.into_std();
    file.write_all(bytes)?;
    file.set_modified(now)?;
    file.sync_all()?;
    root.create_dir_all(above)?;
    root.rename(temporary, root, &place)?;
    sync(root, above).map(|()| stored)
}

/// Whether the bytes are there and will stay: their time is set first, then they are looked for once more, because a sweep
/// takes files away before it looks at their time.
fn is_kept(root: &Dir, place: &str, length: usize, now: SystemTime) -> io::Result<bool> {
    let file = match root.open_with(place, OpenOptions::new().write(true)) {
        Ok(file) => file.into_std(),
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(e) => return Err(e),
    };
    if file.metadata()?.len() != length as u64 {
        return Ok(false);
    }
    file.set_modified(now)?;
    root.try_exists(place)
}

/// Also who finds the bytes there may not rely on them before their name is on disk.
fn sync(root: &Dir, above: &str) -> io::Result<()> {
    for directory in [above, "."] {
        root.open(directory)?.sync_all()?;
    }
    Ok(())
}

/// Shown within a page; everything else is for saving, because it may be active.
pub fn is_shown_inline(media_type: &str) -> bool {
    matches!(media_type, "image/png" | "image/jpeg" | "image/gif" | "image/webp" | "image/bmp")
}
