//! Blobs as objects of an S3-compatible store, so that replicas need no common directory.

use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path;
use object_store::{Error as StoreError, ObjectStoreExt as _, RetryConfig};
use service_kit::{BuildError, Code, Problem, Secret};

use crate::attachments::fs::{Directory, PartialFile};
use crate::attachments::storage::storage_failed;

/// After this long nothing is tried again: somebody is waiting. A request that is on its way may take 30 seconds more.
const RETRY_TIMEOUT: Duration = Duration::from_secs(10);
const MAX_RETRIES: usize = 5;

/// Where the bucket is, and how it is opened.
#[derive(Debug, Clone)]
pub struct BucketSettings {
    pub bucket: String,
    pub prefix: String,
    /// Empty: that of AWS.
    pub endpoint: String,
    pub region: String,
    pub access_key_id: String,
    pub secret_access_key: Secret,
}

#[derive(Clone)]
pub struct Bucket {
    objects: Arc<AmazonS3>,
    prefix: String,
    uploads: Directory,
}

/// What no content is stored under.
const NOTHING: &str = "doctor";

/// Asks the bucket for an object that is not there: an error if it does not answer, or refuses the access key.
pub async fn check_bucket(settings: &BucketSettings) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let objects = open_objects(settings)?;
    match objects.head(&Path::from(format!("{}/{NOTHING}", settings.prefix.trim_matches('/')))).await {
        Ok(_) | Err(StoreError::NotFound { .. }) => Ok(()),
        Err(e) => Err(e.into()),
    }
}

fn open_objects(settings: &BucketSettings) -> Result<AmazonS3, StoreError> {
    let retries = RetryConfig { max_retries: MAX_RETRIES, retry_timeout: RETRY_TIMEOUT, ..RetryConfig::default() };
    let mut builder = AmazonS3Builder::new()
        .with_retry(retries)
        .with_bucket_name(&settings.bucket)
        .with_region(&settings.region)
        .with_access_key_id(&settings.access_key_id)
        .with_secret_access_key(settings.secret_access_key.expose());
    if !settings.endpoint.is_empty() {
        builder = builder.with_endpoint(&settings.endpoint).with_allow_http(settings.endpoint.starts_with("http://"));
    }
    builder.build()
}

impl Bucket {
    pub fn open(settings: &BucketSettings, uploads: Directory) -> Result<Self, BuildError> {
        let objects = open_objects(settings).map_err(|e| BuildError::Other(format!("logbook.s3_bucket: {e}")))?;
        Ok(Self { objects: Arc::new(objects), prefix: settings.prefix.trim_matches('/').to_owned(), uploads })
    }

    /// Where uploads are received before they are sent on.
    pub fn upload_directory(&self) -> &Directory {
        &self.uploads
    }

    fn object_path(&self, key: &str) -> Path {
        Path::from(format!("{}/{}/{key}", self.prefix, &key[..2.min(key.len())]))
    }

    /// The object under its key, unless it is there already.
    pub async fn commit(&self, file: PartialFile, key: &str, bytes: u64) -> Result<(), Problem> {
        let path = self.object_path(key);
        match self.objects.head(&path).await {
            Ok(known) if known.size == bytes => return Ok(()),
            // Without permission to list the bucket, a missing object is answered as a denied one.
            Ok(_) | Err(StoreError::NotFound { .. } | StoreError::PermissionDenied { .. }) => {}
            Err(e) => return Err(to_problem(e)),
        }
        let all = file.read_all(bytes).await?;
        self.objects.put(&path, all.into()).await.map(drop).map_err(to_problem)
    }

    pub async fn read_range(&self, key: &str, offset: u64, length: u64) -> Result<Vec<u8>, Problem> {
        let piece = self.objects.get_range(&self.object_path(key), offset..offset + length).await;
        piece.map(|bytes| bytes.to_vec()).map_err(to_problem)
    }

    pub async fn remove(&self, key: &str) -> Result<(), Problem> {
        match self.objects.delete(&self.object_path(key)).await {
            Ok(()) | Err(StoreError::NotFound { .. }) => Ok(()),
            Err(e) => Err(to_problem(e)),
        }
    }
}

fn to_problem(e: StoreError) -> Problem {
    match e {
        // The object should exist.
        missing @ StoreError::NotFound { .. } => storage_failed(std::io::Error::other(missing)),
        e => {
            let text = "the store of attachments does not answer; try again later";
            Problem::new(Code::Unavailable, "logbook/store-down", text).with_retry_after(10).with_source(e)
        }
    }
}
