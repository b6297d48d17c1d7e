//! The bytes of attachments, in a directory by their SHA-256: written once, whole, and never changed.

use std::io::{self, Write as _};
use std::path::Path;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions};
use service_kit::{Blocking, BuildError, Ids, Pools, Problem};

use crate::domain::ids::hex;
use crate::error::Error;

const THREADS: usize = 8;
const QUEUE: usize = 256;

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

    /// Everything is on disk when this returns. Bytes that are there already are not written again.
    pub async fn put(&self, bytes: Vec<u8>, ids: &dyn Ids) -> Result<Stored, Problem> {
        let root = Arc::clone(&self.root);
        let temporary = format!(".{}.part", ids.random_uuid());
        let written = self.pool.run(move || write(&root, &temporary, &bytes)).await?;
        Ok(written.map_err(Error::Storage)?)
    }

    pub async fn get(&self, sha256: &str) -> Result<Vec<u8>, Problem> {
        let (root, place) = (Arc::clone(&self.root), place(sha256));
        let read = self.pool.run(move || root.read(place)).await?;
        Ok(read.map_err(Error::Storage)?)
    }
}

/// Two levels, so that no directory gets too many files.
fn place(sha256: &str) -> String {
    format!("{}/{sha256}", &sha256[..2.min(sha256.len())])
}

fn write(root: &Dir, temporary: &str, bytes: &[u8]) -> io::Result<Stored> {
    let sha256 = hex(digest(&SHA256, bytes).as_ref());
    let stored = Stored {
        bytes: i64::try_from(bytes.len()).unwrap_or(i64::MAX),
        media_type: infer::get(bytes).map_or("application/octet-stream", |kind| kind.mime_type()),
        sha256,
    };
    let place = place(&stored.sha256);
    if root.metadata(&place).is_ok_and(|known| known.len() == bytes.len() as u64) {
        return Ok(stored);
    }
    let mut file = root.open_with(temporary, OpenOptions::new().write(true).create_new(true))?.into_std();
    file.write_all(bytes)?;
    file.sync_all()?;
    let above = &stored.sha256[..2];
    root.create_dir_all(above)?;
    root.rename(temporary, root, &place)?;
    for directory in [above, "."] {
        root.open(directory)?.sync_all()?;
    }
    Ok(stored)
}

/// Shown within a page; everything else is for saving, because it may be active.
pub fn is_shown_inline(media_type: &str) -> bool {
    matches!(media_type, "image/png" | "image/jpeg" | "image/gif" | "image/webp" | "image/bmp")
}
