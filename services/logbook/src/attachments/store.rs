//! Receiving, storing and reading attachments.

use aws_lc_rs::digest::{Context, SHA256};
use service_kit::Problem;

use crate::attachments::Attachments;
use crate::attachments::fs::PartialFile;
use crate::attachments::storage::Storage;
use crate::domain::ids::encode_hex;
use crate::store::attachments::{Attachment, StoredBlob};
use crate::store::blobs;

/// Bytes that are read at once.
const CHUNK_SIZE: u64 = 256 * 1024;
/// Enough bytes to tell what a content is.
const BEGINNING: usize = 8 * 1024;

/// A content that is being received.
pub struct Upload {
    file: PartialFile,
    hash: Context,
    bytes: u64,
    beginning: Vec<u8>,
}

/// An attachment that is being read.
pub struct AttachmentReader {
    storage: Storage,
    key: String,
    bytes: u64,
    offset: u64,
}

impl Attachments {
    /// Where the next content is received.
    pub async fn begin_upload(&self) -> Result<Upload, Problem> {
        let file = self.storage.create_file(&*self.ids).await?;
        Ok(Upload { file, hash: Context::new(&SHA256), bytes: 0, beginning: Vec::new() })
    }

    /// The blob is on disk when this returns, and stays for [`super::GRACE_PERIOD`] at least, for whoever is about to refer to
    /// it. A content that is there already is not stored again.
    pub async fn finish_upload(&self, upload: Upload) -> Result<StoredBlob, Problem> {
        let Upload { file, hash, bytes, beginning } = upload;
        let stored = StoredBlob {
            sha256: encode_hex(hash.finish().as_ref()),
            bytes: i64::try_from(bytes).unwrap_or(i64::MAX),
            media_type: infer::get(&beginning).map_or("application/octet-stream", |kind| kind.mime_type()),
        };
        let now = self.clock.now_micros();
        let key = self.db.write(async |tx| blobs::upsert_blob(tx, &stored.sha256, now).await).await?;
        self.storage.commit(file, key, bytes).await?;
        Ok(stored)
    }

    /// Stores bytes that are in memory.
    pub async fn store_bytes(&self, bytes: Vec<u8>) -> Result<StoredBlob, Problem> {
        let mut upload = self.begin_upload().await?;
        upload.write(bytes).await?;
        self.finish_upload(upload).await
    }

    /// The whole content.
    pub async fn read_all(&self, attachment: &Attachment) -> Result<Vec<u8>, Problem> {
        let mut all = Vec::with_capacity(usize::try_from(attachment.bytes).unwrap_or_default());
        let mut reader = self.open_reader(attachment);
        while let Some(chunk) = reader.next_chunk().await? {
            all.extend_from_slice(&chunk);
        }
        Ok(all)
    }

    /// The content in chunks.
    pub fn open_reader(&self, attachment: &Attachment) -> AttachmentReader {
        let bytes = u64::try_from(attachment.bytes).unwrap_or_default();
        AttachmentReader { storage: self.storage.clone(), key: attachment.key.clone(), bytes, offset: 0 }
    }
}

impl Upload {
    pub async fn write(&mut self, bytes: Vec<u8>) -> Result<(), Problem> {
        self.hash.update(&bytes);
        self.bytes += bytes.len() as u64;
        let wanted = BEGINNING.saturating_sub(self.beginning.len()).min(bytes.len());
        self.beginning.extend_from_slice(&bytes[..wanted]);
        self.file.write(bytes).await
    }

    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl AttachmentReader {
    /// `None` at the end.
    pub async fn next_chunk(&mut self) -> Result<Option<Vec<u8>>, Problem> {
        let length = CHUNK_SIZE.min(self.bytes - self.offset);
        if length == 0 {
            return Ok(None);
        }
        let chunk = self.storage.read_chunk(&self.key, self.offset, length).await?;
        self.offset += length;
        Ok(Some(chunk))
    }
}
