//! Where blobs are stored: in a directory, or in a bucket.

use std::fs::File;
use std::io;
use std::path::Path;

use jiff::Timestamp;
use service_kit::{BuildError, Ids, Pools, Problem};

use crate::attachments::fs::{Directory, PartialFile};
use crate::attachments::s3::{Bucket, BucketSettings};
use crate::error::Error;

/// Where the blobs are. Cheap to clone.
#[derive(Clone)]
pub struct Storage(Backend);

#[derive(Clone)]
enum Backend {
    Directory(Directory),
    Bucket(Bucket),
}

impl Storage {
    /// A bucket, or else the directory. A bucket needs a directory too, for what is being received.
    pub fn open(directory: &Path, bucket: Option<&BucketSettings>, pools: &Pools) -> Result<Self, BuildError> {
        let directory = Directory::open(directory, pools)?;
        Ok(Self(match bucket {
            None => Backend::Directory(directory),
            Some(settings) => Backend::Bucket(Bucket::open(settings, directory)?),
        }))
    }

    fn directory(&self) -> &Directory {
        match &self.0 {
            Backend::Directory(directory) => directory,
            Backend::Bucket(bucket) => bucket.upload_directory(),
        }
    }

    /// Creates a temporary file for data that is too large for memory and not an attachment; it is deleted when it is closed.
    pub async fn create_temp_file(&self, ids: &dyn Ids) -> Result<File, Problem> {
        self.directory().create_temp_file(ids.random_uuid().to_string()).await
    }

    pub(super) async fn create_file(&self, ids: &dyn Ids) -> Result<PartialFile, Problem> {
        self.directory().create_file(ids.random_uuid().to_string()).await
    }

    /// The blob is on disk when this returns; one that is there already is not stored again.
    pub(super) async fn commit(&self, file: PartialFile, key: String, bytes: u64) -> Result<(), Problem> {
        match &self.0 {
            Backend::Directory(directory) => directory.commit(file, key, bytes).await,
            Backend::Bucket(bucket) => bucket.commit(file, &key, bytes).await,
        }
    }

    pub(super) async fn read_chunk(&self, key: &str, offset: u64, length: u64) -> Result<Vec<u8>, Problem> {
        match &self.0 {
            Backend::Directory(directory) => directory.read_range(key.to_owned(), offset, length).await,
            Backend::Bucket(bucket) => bucket.read_range(key, offset, length).await,
        }
    }

    /// Removes a blob; one that is not there is no error.
    pub async fn remove(&self, key: &str) -> Result<(), Problem> {
        match &self.0 {
            Backend::Directory(directory) => directory.remove(key.to_owned()).await,
            Backend::Bucket(bucket) => bucket.remove(key).await,
        }
    }

    /// Removes what writers that were killed have left half-received.
    pub async fn remove_stale_uploads(&self, now: Timestamp) -> Result<(), Problem> {
        self.directory().remove_stale_files(now).await
    }
}

pub(super) fn storage_failed(e: io::Error) -> Problem {
    Error::Storage(e).into()
}
