//! Contents as objects of an S3-compatible store, so that replicas need no common directory.

use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path;
use object_store::{Error as StoreError, ObjectStoreExt as _, RetryConfig};
use service_kit::{BuildError, Code, Problem};

use crate::attachments::failed;
use crate::attachments::fs::{Directory, Part};
use crate::config::Config;

/// After this long nothing is tried again: somebody is waiting. A request that is on its way may take 30 seconds more.
const PATIENCE: Duration = Duration::from_secs(10);
const TRIES: usize = 5;

#[derive(Clone)]
pub struct Bucket {
    objects: Arc<AmazonS3>,
    prefix: String,
    received: Directory,
}

/// What no content is stored under.
const NOTHING: &str = "doctor";

/// Asks the bucket for an object that is not there: an error if it does not answer, or refuses the access key.
pub async fn reach(config: &Config) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let objects = objects(config)?;
    match objects.head(&Path::from(format!("{}/{NOTHING}", config.s3_prefix.trim_matches('/')))).await {
        Ok(_) | Err(StoreError::NotFound { .. }) => Ok(()),
        Err(e) => Err(e.into()),
    }
}

fn objects(config: &Config) -> Result<AmazonS3, StoreError> {
    let retries = RetryConfig { max_retries: TRIES, retry_timeout: PATIENCE, ..RetryConfig::default() };
    let mut builder = AmazonS3Builder::new()
        .with_retry(retries)
        .with_bucket_name(&config.s3_bucket)
        .with_region(&config.s3_region)
        .with_access_key_id(&config.s3_access_key_id)
        .with_secret_access_key(config.s3_secret_access_key.expose());
    if !config.s3_endpoint.is_empty() {
        builder = builder.with_endpoint(&config.s3_endpoint).with_allow_http(config.s3_endpoint.starts_with("http://"));
    }
    builder.build()
}

impl Bucket {
    pub fn open(config: &Config, received: Directory) -> Result<Self, BuildError> {
        let objects = objects(config).map_err(|e| BuildError::Other(format!("logbook.s3_bucket: {e}")))?;
        Ok(Self { objects: Arc::new(objects), prefix: config.s3_prefix.trim_matches('/').to_owned(), received })
    }

    /// Where contents are before they are sent on.
    pub fn received(&self) -> &Directory {
        &self.received
    }

    fn path(&self, key: &str) -> Path {
        Path::from(format!("{}/{}/{key}", self.prefix, &key[..2.min(key.len())]))
    }

    /// The object under its key, unless it is there already.
    pub async fn keep(&self, part: Part, key: &str, bytes: u64) -> Result<(), Problem> {
        let path = self.path(key);
        match self.objects.head(&path).await {
            Ok(known) if known.size == bytes => return Ok(()),
            // Who may not list a bucket is not told what is not there.
            Ok(_) | Err(StoreError::NotFound { .. } | StoreError::PermissionDenied { .. }) => {}
            Err(e) => return Err(unavailable(e)),
        }
        let all = part.all(bytes).await?;
        self.objects.put(&path, all.into()).await.map(drop).map_err(unavailable)
    }

    pub async fn read(&self, key: &str, at: u64, length: u64) -> Result<Vec<u8>, Problem> {
        let piece = self.objects.get_range(&self.path(key), at..at + length).await;
        piece.map(|bytes| bytes.to_vec()).map_err(unavailable)
    }

    pub async fn remove(&self, key: &str) -> Result<(), Problem> {
        match self.objects.delete(&self.path(key)).await {
            Ok(()) | Err(StoreError::NotFound { .. }) => Ok(()),
            Err(e) => Err(unavailable(e)),
        }
    }
}

fn unavailable(e: StoreError) -> Problem {
    match e {
        // It should be there.
        missing @ StoreError::NotFound { .. } => failed(std::io::Error::other(missing)),
        e => {
            let text = "the store of attachments does not answer; try again later";
            Problem::new(Code::Unavailable, "logbook/store-down", text).with_retry_after(10).with_source(e)
        }
    }
}
