//! Reads the members of a compressed archive from start to end.

use std::sync::Arc;

use crc32fast::Hasher;

use super::member_reader::{MemberReader, ReadError, require_unchanged_member};
use crate::domain::archive::{CompressedArchive, Compression};
use crate::manifest::Manifest;
use crate::storage::StorageRoot;

/// Bytes that are read at once; compressed data are at most a little longer.
const BUFFER_SIZE: usize = 64 * 1024;

pub struct CompressedReader {
    manifest: Arc<Manifest>,
    archive: CompressedArchive,
    member: usize,
    current: Option<(MemberReader, u64, Hasher)>,
    finished: bool,
}

impl CompressedReader {
    pub fn new(manifest: Arc<Manifest>, kind: Compression) -> Self {
        let archive = CompressedArchive::new(kind, Arc::clone(manifest.members()));
        Self { manifest, archive, member: 0, current: None, finished: false }
    }

    pub fn is_finished(&self) -> bool {
        self.finished
    }

    /// The next bytes, at least `size` of them before the end; empty after the end.
    pub fn read_chunk(&mut self, root: &StorageRoot, size: usize) -> Result<Vec<u8>, ReadError> {
        let mut out = Vec::new();
        while out.len() < size && !self.finished {
            self.read_step(root)?;
            out.extend(self.archive.take_output());
        }
        Ok(out)
    }

    fn read_step(&mut self, root: &StorageRoot) -> Result<(), ReadError> {
        let member = self.member;
        let packed = |e| ReadError::Unreadable(member, e);
        let Some(size) = self.manifest.members().get(member).map(|member| member.size) else {
            self.finished = true;
            return self.archive.finish().map_err(packed);
        };
        let Some((reader, next, crc)) = &mut self.current else {
            self.archive.begin_member(member).map_err(packed)?;
            if size == 0 {
                require_unchanged_member(root, &self.manifest, member)?;
                self.member += 1;
                return self.archive.end_member(member, 0).map_err(packed);
            }
            self.current = Some((MemberReader::open(root, &self.manifest, member)?, 0, Hasher::new()));
            return Ok(());
        };
        let length = usize::try_from(size - *next).unwrap_or(BUFFER_SIZE).min(BUFFER_SIZE);
        let mut data = Vec::with_capacity(length);
        reader.read_at(*next, length, &mut data)?;
        crc.update(&data);
        *next += length as u64;
        self.archive.write_data(&data).map_err(packed)?;
        if *next == size {
            let crc = std::mem::take(crc).finalize();
            self.current = None;
            self.member += 1;
            self.manifest
                .checksums
                .record_checksum(member, crc)
                .map_err(|_| ReadError::ChecksumMismatch { member, crc })?;
            self.archive.end_member(member, crc).map_err(packed)?;
        }
        Ok(())
    }
}
