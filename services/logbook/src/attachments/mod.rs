//! The bytes of attachments: each content once, in a directory or in a bucket, whole and never changed.
//!
//! A row says which contents there are, and is there before the content is and after it has gone. Its key is new whenever a
//! content comes anew, so that what a sweep takes away is never what somebody has just begun to refer to.

pub mod cleanup;
pub mod doctor;
pub mod fs;
pub mod inline_images;
pub mod s3;
pub mod signed_url;
pub mod thumbnail;
pub mod uploads;

use std::fs::File;
use std::io;
use std::path::Path;
use std::time::Duration;

use aws_lc_rs::digest::{Context, SHA256};
use jiff::Timestamp;
use service_kit::{BuildError, Ids, Pools, Problem};

use crate::attachments::fs::Directory;
use crate::attachments::s3::Bucket;
pub use crate::attachments::s3::reach as reach_bucket;
use crate::config::Config;
use crate::domain::ids::hex;
use crate::error::Error;
use crate::state::State;
use crate::store::attachments::Attachment;
use crate::store::blobs;

/// How long a content stays that no attachment has: whoever stores one refers to it much sooner.
pub const GRACE: Duration = Duration::from_hours(1);
/// Bytes that are read at once.
const PIECE: u64 = 256 * 1024;
/// Enough to see what a content is.
const BEGINNING: usize = 8 * 1024;

/// Where the contents are. Cheap to clone.
#[derive(Clone)]
pub struct Store(Place);

#[derive(Clone)]
enum Place {
    Directory(Directory),
    Bucket(Bucket),
}

/// A content that is stored for good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    pub sha256: String,
    pub bytes: i64,
    /// What the bytes are, whatever their sender called them.
    pub media_type: &'static str,
}

/// A content that is being received.
pub struct Upload {
    part: fs::Part,
    hash: Context,
    bytes: u64,
    beginning: Vec<u8>,
}

impl Store {
    pub fn open(config: &Config, data_dir: &Path, pools: &Pools) -> Result<Self, BuildError> {
        let directory = match &config.attachments_dir {
            none if none.as_os_str().is_empty() => data_dir.join("attachments"),
            named => named.clone(),
        };
        // A bucket needs one too, for what is being received.
        let directory = Directory::open(&directory, pools)?;
        Ok(Self(match config.s3_bucket.as_str() {
            "" => Place::Directory(directory),
            _ => Place::Bucket(Bucket::open(config, directory)?),
        }))
    }

    /// Where the next content is received.
    pub async fn begin(&self, ids: &dyn Ids) -> Result<Upload, Problem> {
        let part = self.directory().begin(ids.random_uuid().to_string()).await?;
        Ok(Upload { part, hash: Context::new(&SHA256), bytes: 0, beginning: Vec::new() })
    }

    /// A file for what is too large for memory and not an attachment; it is gone when it is closed.
    pub async fn scratch(&self, ids: &dyn Ids) -> Result<File, Problem> {
        self.directory().scratch(ids.random_uuid().to_string()).await
    }

    fn directory(&self) -> &Directory {
        match &self.0 {
            Place::Directory(directory) => directory,
            Place::Bucket(bucket) => bucket.received(),
        }
    }

    /// Everything is stored for good when this returns, and stays for [`GRACE`] at least, for whoever is about to refer to it.
    /// A content that is there already is not stored again.
    pub async fn finish(&self, state: &State, upload: Upload) -> Result<Stored, Problem> {
        let Upload { part, hash, bytes, beginning } = upload;
        let stored = Stored {
            sha256: hex(hash.finish().as_ref()),
            bytes: i64::try_from(bytes).unwrap_or(i64::MAX),
            media_type: infer::get(&beginning).map_or("application/octet-stream", |kind| kind.mime_type()),
        };
        let now = state.clock.now_micros();
        let key = state.db.write(async |tx| blobs::touch(tx, &stored.sha256, now).await).await?;
        match &self.0 {
            Place::Directory(directory) => directory.keep(part, key, bytes).await?,
            Place::Bucket(bucket) => bucket.keep(part, &key, bytes).await?,
        }
        Ok(stored)
    }

    /// The same for bytes that are in memory.
    pub async fn put(&self, state: &State, bytes: Vec<u8>) -> Result<Stored, Problem> {
        let mut upload = self.begin(&*state.ids).await?;
        upload.write(bytes).await?;
        self.finish(state, upload).await
    }

    /// The whole content.
    pub async fn get(&self, attachment: &Attachment) -> Result<Vec<u8>, Problem> {
        let mut all = Vec::with_capacity(usize::try_from(attachment.bytes).unwrap_or_default());
        let mut reading = self.reading(attachment);
        while let Some(piece) = reading.next().await? {
            all.extend_from_slice(&piece);
        }
        Ok(all)
    }

    /// The content piece by piece.
    pub fn reading(&self, attachment: &Attachment) -> Reading {
        let bytes = u64::try_from(attachment.bytes).unwrap_or_default();
        Reading { store: self.clone(), key: attachment.key.clone(), bytes, at: 0 }
    }

    /// Takes a content away; one that is not there is no error.
    pub async fn remove(&self, key: &str) -> Result<(), Problem> {
        match &self.0 {
            Place::Directory(directory) => directory.remove(key.to_owned()).await,
            Place::Bucket(bucket) => bucket.remove(key).await,
        }
    }

    /// Takes away what writers that were killed have left half-received.
    pub async fn tidy(&self, now: Timestamp) -> Result<(), Problem> {
        self.directory().tidy(now).await
    }
}

impl Upload {
    pub async fn write(&mut self, bytes: Vec<u8>) -> Result<(), Problem> {
        self.hash.update(&bytes);
        self.bytes += bytes.len() as u64;
        let wanted = BEGINNING.saturating_sub(self.beginning.len()).min(bytes.len());
        self.beginning.extend_from_slice(&bytes[..wanted]);
        self.part.write(bytes).await
    }

    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

/// A content that is being read.
pub struct Reading {
    store: Store,
    key: String,
    bytes: u64,
    at: u64,
}

impl Reading {
    /// `None` at the end.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, Problem> {
        let length = PIECE.min(self.bytes - self.at);
        if length == 0 {
            return Ok(None);
        }
        let piece = match &self.store.0 {
            Place::Directory(directory) => directory.read(self.key.clone(), self.at, length).await?,
            Place::Bucket(bucket) => bucket.read(&self.key, self.at, length).await?,
        };
        self.at += length;
        Ok(Some(piece))
    }
}

fn failed(e: io::Error) -> Problem {
    Error::Storage(e).into()
}

/// Shown within a page; everything else is for saving, because it may be active or no browser shows it.
pub fn is_shown_inline(media_type: &str) -> bool {
    matches!(media_type, "image/png" | "image/jpeg" | "image/gif" | "image/webp")
}

/// Shown as a PNG that is made of it, because not every browser and reader of documents knows it.
pub fn is_shown_converted(media_type: &str) -> bool {
    matches!(media_type, "image/bmp" | "image/tiff")
}
