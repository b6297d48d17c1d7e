//! Transfers: answers that send file content. Chunks are read in the pool of the storage, one at a time and never ahead of
//! the client, so that a client costs the memory of one chunk.

mod checksums;
mod compressed_reader;
mod member_reader;
mod range_reader;
pub mod reports;

use std::sync::Arc;

use actix_web::web::Bytes;
use futures_util::{Stream, stream};
use service_kit::{Blocking, Clock, Ctx, Db, Problem};
use tokio::sync::Notify;
use tokio::time::Instant;

use self::compressed_reader::CompressedReader;
use self::member_reader::ReadError;
use self::range_reader::RangeReader;
use self::reports::{Outcome, ReportGuard, TransferReports};
use crate::config::Config;
use crate::domain::archive::{Compression, LayoutFormat};
use crate::domain::chunk_size::{SMALL_CHUNK, choose_chunk_size};
use crate::domain::file_errors::describe_failure;
use crate::domain::manifest_entry::MissingFile;
use crate::error;
use crate::manifest::{Manifest, Manifests};
use crate::storage::{Storage, StorageRoot};

/// Compression keeps a processor busy while a client receives data.
const COMPRESSION_THREADS: usize = 4;
const COMPRESSION_QUEUE: usize = 32;

/// What is sent.
pub enum TransferContent {
    Range { format: LayoutFormat, first: u64, end: u64 },
    Compressed(Compression),
}

/// Starts transfers, and sees to the checksums that they need.
pub struct Transfers {
    db: Db,
    clock: Arc<dyn Clock>,
    manifests: Arc<Manifests>,
    compression: Blocking,
    reports: TransferReports,
    hash_at_once: u64,
    /// Wakes the worker that computes checksums.
    checksums_wanted: Arc<Notify>,
}

enum ArchiveReader {
    Range(RangeReader),
    Compressed(Box<CompressedReader>),
}

impl ArchiveReader {
    fn read_chunk(&mut self, root: &StorageRoot, size: usize) -> Result<Vec<u8>, ReadError> {
        match self {
            Self::Range(reader) => reader.read_chunk(root, size),
            Self::Compressed(reader) => reader.read_chunk(root, size),
        }
    }

    fn is_done(&self) -> bool {
        match self {
            Self::Range(reader) => reader.remaining() == 0,
            Self::Compressed(reader) => reader.is_finished(),
        }
    }
}

/// A transfer whose first chunk has been read.
struct Transfer {
    transfers: Arc<Transfers>,
    storage: Storage,
    manifest: Arc<Manifest>,
    reader: Option<ArchiveReader>,
    first_chunk: Option<Vec<u8>>,
    sent: u64,
    started: Instant,
    report: ReportGuard,
}

impl Transfers {
    pub fn new(
        ctx: &Ctx,
        config: &Config,
        manifests: Arc<Manifests>,
        reports: TransferReports,
        checksums_wanted: Arc<Notify>,
    ) -> Self {
        Self {
            db: ctx.db.clone(),
            clock: Arc::clone(&ctx.clock),
            manifests,
            compression: ctx.pools.open("compression", COMPRESSION_THREADS, COMPRESSION_QUEUE),
            reports,
            hash_at_once: config.hash_at_once.as_u64(),
            checksums_wanted,
        }
    }

    /// Starts a transfer by reading the first chunk, so that an error at the start gets a status of its own and a full pool
    /// refuses the request. A later error closes the connection.
    pub async fn start_transfer(
        self: Arc<Self>,
        storage: Storage,
        manifest: Arc<Manifest>,
        content: TransferContent,
        subject: String,
    ) -> Result<impl Stream<Item = Result<Bytes, Problem>> + 'static, Problem> {
        let mut reader = match content {
            TransferContent::Range { format, first, end } => {
                ArchiveReader::Range(RangeReader::new(Arc::clone(&manifest), format, first, end))
            }
            TransferContent::Compressed(kind) => {
                ArchiveReader::Compressed(Box::new(CompressedReader::new(Arc::clone(&manifest), kind)))
            }
        };
        let compresses = matches!(reader, ArchiveReader::Compressed(_));
        let storage = if compresses { storage.with_pool(&self.compression) } else { storage };
        let (reader, first) = storage
            .run(move |root| {
                let first = reader.read_chunk(root, SMALL_CHUNK);
                (reader, first)
            })
            .await?;
        let first = match first {
            Ok(first) => first,
            Err(e) => return Err(self.handle_read_error(&manifest, e).await),
        };
        let report = ReportGuard::new(self.reports.clone(), subject, Arc::clone(&manifest));
        let transfer = Transfer {
            transfers: self,
            storage,
            manifest,
            reader: Some(reader),
            first_chunk: Some(first),
            sent: 0,
            started: Instant::now(),
            report,
        };
        Ok(stream::try_unfold(transfer, async |mut transfer| {
            let chunk = transfer.next_chunk().await?;
            Ok(chunk.map(|chunk| (chunk, transfer)))
        }))
    }

    /// Looks at all files of a manifest before its first byte is sent: 404 with the names of those that are missing, or if
    /// one has changed.
    pub async fn require_unchanged_files(&self, storage: &Storage, manifest: &Manifest) -> Result<(), Problem> {
        let locations = manifest.sources.iter().map(|source| source.location.clone()).collect();
        let found = storage.identify_files(locations).await?;
        let mut missing = Vec::new();
        for (member, (source, found)) in manifest.sources.iter().zip(found).enumerate() {
            match found {
                Ok(identity) if identity == source.identity => {}
                Ok(_) => return Err(self.handle_read_error(manifest, ReadError::Changed(member)).await),
                Err(e) => missing.push(MissingFile {
                    datafile: source.datafile,
                    name: manifest.members()[member].name.clone(),
                    size: i64::try_from(source.identity.size).ok(),
                    reason: describe_failure(&e).to_owned(),
                }),
            }
        }
        if missing.is_empty() { Ok(()) } else { Err(error::missing_files(&missing, manifest.sources.len())) }
    }

    /// The answer to a client after a read error. A manifest whose file has changed is marked as outdated, so that no
    /// transfer goes on with it.
    async fn handle_read_error(&self, manifest: &Manifest, error: ReadError) -> Problem {
        let (member, found_crc) = match error {
            ReadError::Changed(member) => (member, None),
            ReadError::ChecksumMismatch { member, crc } => (member, Some(crc)),
            ReadError::Unreadable(member, e) => return error::file_not_available(manifest.sources[member].datafile, e),
            ReadError::ChecksumUnknown(member) => {
                return Problem::internal(format!("the checksum of member {member} is unknown"));
            }
        };
        let datafile = manifest.sources[member].datafile;
        tracing::warn!(
            datafile.id = datafile,
            checksum.differs = found_crc.is_some(),
            "a file changed during a download"
        );
        if let Err(e) = self.manifests.mark_changed(manifest, member, found_crc).await {
            return e.into();
        }
        if manifest.id.is_some() {
            return error::file_changed(datafile);
        }
        error::file_changing(datafile)
    }
}

impl Transfer {
    async fn next_chunk(&mut self) -> Result<Option<Bytes>, Problem> {
        let chunk = match self.first_chunk.take() {
            Some(first) => first,
            None => self.read_chunk().await?,
        };
        if self.reader.as_ref().is_some_and(ArchiveReader::is_done) {
            self.report.set_outcome(Outcome::Complete);
        }
        self.sent += chunk.len() as u64;
        self.report.add_bytes(chunk.len() as u64);
        Ok((!chunk.is_empty()).then(|| chunk.into()))
    }

    async fn read_chunk(&mut self) -> Result<Vec<u8>, Problem> {
        let Some(mut reader) = self.reader.take() else { return Ok(Vec::new()) };
        if reader.is_done() {
            self.reader = Some(reader);
            return Ok(Vec::new());
        }
        let size = choose_chunk_size(self.sent, self.started.elapsed(), self.transfers.reports.count_open());
        let read = self.storage.run_queued(move |root| {
            let chunk = reader.read_chunk(root, size);
            (reader, chunk)
        });
        match read.await {
            Ok((reader, Ok(chunk))) => {
                self.reader = Some(reader);
                Ok(chunk)
            }
            Ok((_, Err(e))) => {
                self.report.set_outcome(Outcome::Failed);
                Err(self.transfers.handle_read_error(&self.manifest, e).await)
            }
            Err(e) => {
                self.report.set_outcome(Outcome::Failed);
                Err(e)
            }
        }
    }
}
