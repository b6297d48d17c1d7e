//! The bytes of attachments: each content is one blob, in a directory or in a bucket, whole and never changed.
//!
//! An upload is received (`uploads`), stored as a blob (`store`), described by a `NewAttachment`, and becomes an attachment when
//! the entry that refers to it is committed (`entries::create`).
//!
//! A row says which blobs there are. It is there before the blob is and after the blob has gone. A blob's key is new whenever a
//! content is stored anew, so that what a cleanup removes is never what somebody has just begun to refer to.

pub mod cleanup;
pub mod doctor;
pub mod download;
pub mod fs;
pub mod inline_images;
pub mod s3;
pub mod signed_url;
pub mod storage;
pub mod store;
pub mod thumbnail;
pub mod uploads;

use std::sync::Arc;
use std::time::Duration;

use service_kit::{Blocking, Clock, Db, Ids};

use crate::attachments::storage::Storage;
use crate::markup::text_pool::TextPool;

/// How long a blob stays that no attachment has: whoever stores one refers to it much sooner.
pub const GRACE_PERIOD: Duration = Duration::from_hours(1);

/// Receives, stores and reads attachments.
pub struct Attachments {
    pub storage: Storage,
    pub db: Db,
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<dyn Ids>,
    /// Bytes of an attachment at most.
    pub max_bytes: u64,
    /// How long an upload may stall.
    pub idle_timeout: Duration,
}

/// Takes images out of texts, and sanitizes these.
pub struct InlineImages {
    pub attachments: Arc<Attachments>,
    pub text_pool: TextPool,
    /// Where images are converted.
    pub documents: Blocking,
}

/// Whether a browser shows it within a page; everything else is saved, because it may be active or no browser shows it.
pub fn is_shown_inline(media_type: &str) -> bool {
    matches!(media_type, "image/png" | "image/jpeg" | "image/gif" | "image/webp")
}

/// Whether it is shown as a PNG that is made of it, because not every browser and reader of documents knows it.
pub fn is_shown_converted(media_type: &str) -> bool {
    matches!(media_type, "image/bmp" | "image/tiff")
}
