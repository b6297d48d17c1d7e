//! Reads any range of an archive or a file, chunk by chunk. One file is open at a time.

use std::sync::Arc;

use crc32fast::Hasher;

use super::member_reader::{MemberReader, ReadError, require_unchanged_member};
use crate::domain::archive::{Layout, LayoutFormat, Position, Zone};
use crate::manifest::Manifest;
use crate::storage::StorageRoot;

pub struct RangeReader {
    manifest: Arc<Manifest>,
    layout: Arc<Layout>,
    format: LayoutFormat,
    position: u64,
    end: u64,
    current: Option<CurrentMember>,
    /// The error of a file that cannot be read, returned after the bytes before it.
    unreadable: Option<ReadError>,
}

struct CurrentMember {
    reader: MemberReader,
    /// Offsets in the file where reading began and where it continues.
    first: u64,
    next: u64,
    /// Only if the checksum is to be computed.
    crc: Option<Hasher>,
}

impl RangeReader {
    /// The bytes from `position` to `end`, which is not included.
    pub fn new(manifest: Arc<Manifest>, format: LayoutFormat, position: u64, end: u64) -> Self {
        let layout = manifest.get_layout(format);
        Self { manifest, layout, format, position, end, current: None, unreadable: None }
    }

    pub fn remaining(&self) -> u64 {
        self.end - self.position
    }

    /// The next bytes, about `size` of them; empty after the end.
    pub fn read_chunk(&mut self, root: &StorageRoot, size: usize) -> Result<Vec<u8>, ReadError> {
        if let Some(error) = self.unreadable.take() {
            return Err(error);
        }
        let mut out = Vec::with_capacity(size.min(usize::try_from(self.remaining()).unwrap_or(usize::MAX)));
        while self.position < self.end && out.len() < size {
            let length_before = out.len();
            match self.append_zone(root, size, &mut out) {
                Ok(length) => self.position += length,
                // The files before it are valid, and a client that continues after the broken one has them.
                Err(error @ ReadError::Unreadable(..)) if length_before > 0 => {
                    out.truncate(length_before);
                    self.unreadable = Some(error);
                    return Ok(out);
                }
                Err(error) => return Err(error),
            }
        }
        if self.position == self.end {
            self.finish_member()?;
        }
        Ok(out)
    }

    /// Appends the bytes at the position, up to the end of their zone; how many.
    fn append_zone(&mut self, root: &StorageRoot, size: usize, out: &mut Vec<u8>) -> Result<u64, ReadError> {
        let position = self.layout.locate(self.position);
        let length = position.left.min(self.remaining());
        match position.zone {
            Zone::Data(member) => {
                let length = length.min((size - out.len()) as u64);
                self.append_data(root, member, position, length, out)?;
                Ok(length)
            }
            zone => {
                self.append_generated(root, zone, position.offset, length, out)?;
                Ok(length)
            }
        }
    }

    fn append_generated(
        &self,
        root: &StorageRoot,
        zone: Zone,
        at: u64,
        length: u64,
        out: &mut Vec<u8>,
    ) -> Result<(), ReadError> {
        let crc = match self.layout.member_with_crc(zone) {
            Some(member) => self.manifest.checksums.get(member).ok_or(ReadError::ChecksumUnknown(member))?,
            None => 0,
        };
        if let Zone::Header(member) = zone
            && self.layout.members()[member].size == 0
        {
            require_unchanged_member(root, &self.manifest, member)?;
        }
        let bytes = self.layout.render_zone(zone, crc);
        let index = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
        out.extend(bytes.iter().skip(index(at)).take(index(length)));
        Ok(())
    }

    fn append_data(
        &mut self,
        root: &StorageRoot,
        member: usize,
        position: Position,
        length: u64,
        out: &mut Vec<u8>,
    ) -> Result<(), ReadError> {
        let wanted = self.layout.data_range(member, position.offset, length);
        let bytes = usize::try_from(wanted.end - wanted.start).unwrap_or(usize::MAX);
        if self.current.as_ref().is_none_or(|current| current.reader.member != member) {
            self.finish_member()?;
            let size = self.layout.members()[member].size;
            if size == 0 {
                self.layout.append_framed_data(member, position.offset, length, &[], out);
                return Ok(());
            }
            let reader = MemberReader::open(root, &self.manifest, member)?;
            let crc = self.wants_crc(member, wanted.start).then(Hasher::new);
            self.current = Some(CurrentMember { reader, first: wanted.start, next: wanted.start, crc });
        }
        let Some(current) = &mut self.current else { return Ok(()) };
        if self.format == LayoutFormat::ZipBlocks {
            let mut data = Vec::with_capacity(bytes);
            current.reader.read_at(wanted.start, bytes, &mut data)?;
            if let Some(crc) = &mut current.crc {
                crc.update(&data);
            }
            self.layout.append_framed_data(member, position.offset, length, &data, out);
        } else {
            let start = out.len();
            current.reader.read_at(wanted.start, bytes, out)?;
            if let Some(crc) = &mut current.crc {
                crc.update(&out[start..]);
            }
        }
        current.next = wanted.end;
        // The checksum is compared before the last bytes are sent, and known before it is needed.
        if current.next == self.layout.members()[member].size {
            self.finish_member()?;
        }
        Ok(())
    }

    /// Parts contribute to an unknown checksum; a known one is compared if the whole file is read.
    fn wants_crc(&self, member: usize, first: u64) -> bool {
        match self.format {
            LayoutFormat::ZipStored => first == 0,
            LayoutFormat::ZipBlocks => first == 0 || self.manifest.checksums.get(member).is_none(),
            LayoutFormat::Raw | LayoutFormat::Tar => false,
        }
    }

    fn finish_member(&mut self) -> Result<(), ReadError> {
        let Some(CurrentMember { reader, first, next, crc: Some(crc) }) = self.current.take() else { return Ok(()) };
        let (member, crc) = (reader.member, crc.finalize());
        let size = self.layout.members()[member].size;
        let recorded = self.manifest.checksums.record_part(member, size, first..next, crc);
        recorded.map_err(|_| ReadError::ChecksumMismatch { member, crc })
    }
}

impl Drop for RangeReader {
    /// The part that was read before a client disconnected still counts.
    fn drop(&mut self) {
        let _mismatch_is_found_at_the_next_read = self.finish_member();
    }
}
