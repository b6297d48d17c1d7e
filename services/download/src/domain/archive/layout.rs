//! Where everything lies in an archive: sums in front of each member, and a search in them.

use std::ops::Range;
use std::sync::Arc;

use super::tar;
use super::zip::{self, BLOCK, BLOCK_HEADER, MAX_U32, Method, ZipEntry, render_block_header};
use super::{ArchiveFormat, Member};

/// The arrangement of one archive. Takes 16 bytes a member.
#[derive(Debug)]
pub struct Layout {
    form: ArchiveFormat,
    members: Arc<[Member]>,
    /// Of each member, and of what follows the last one.
    offsets: Vec<u64>,
    /// Of each entry within the directory, and its length.
    directory: Vec<u64>,
    full: bool,
    total: u64,
}

/// The parts of an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Zone {
    /// In front of a member's data.
    Header(usize),
    Data(usize),
    /// Behind a member's data: checksum or padding.
    Trailer(usize),
    /// A member's entry in the directory.
    Entry(usize),
    /// What closes the archive.
    End,
}

/// What lies at a byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    pub zone: Zone,
    /// How far within the zone.
    pub at: u64,
    /// Bytes from here to the end of the zone.
    pub left: u64,
}

impl Layout {
    pub fn new(form: ArchiveFormat, members: Arc<[Member]>) -> Self {
        let full = form != ArchiveFormat::Tar
            && form != ArchiveFormat::Raw
            && members.iter().any(|member| member.size == MAX_U32);
        let mut layout = Self {
            form,
            offsets: Vec::with_capacity(members.len() + 1),
            directory: Vec::with_capacity(if form == ArchiveFormat::Tar { 0 } else { members.len() + 1 }),
            members,
            full,
            total: 0,
        };
        let (mut offset, mut directory) = (0, 0);
        for member in 0..layout.members.len() {
            layout.offsets.push(offset);
            if layout.has_directory() {
                layout.directory.push(directory);
                directory += layout.entry_of(member).directory_length(offset);
            }
            offset += layout.header_length(member) + layout.data_length(member) + layout.trailer_length(member);
        }
        layout.offsets.push(offset);
        layout.directory.push(directory);
        layout.total = offset + directory + layout.end_length();
        layout
    }

    /// The exact length of the archive.
    pub fn total_length(&self) -> u64 {
        self.total
    }

    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// Where the first byte of a member's data lies.
    pub fn data_offset(&self, member: usize) -> u64 {
        self.offsets[member] + self.header_length(member)
    }

    /// Where the directory starts, or what closes an archive without one.
    pub fn directory_offset(&self) -> u64 {
        self.offsets[self.members.len()]
    }

    /// What lies at `position`, which is less than [`total_length`](Self::total).
    pub fn locate(&self, position: u64) -> Position {
        let body = self.directory_offset();
        if position < body {
            let member = self.offsets.partition_point(|offset| *offset <= position) - 1;
            let within = position - self.offsets[member];
            let header = self.header_length(member);
            let data = header + self.data_length(member);
            let end = self.offsets[member + 1] - self.offsets[member];
            return if within < header {
                Position { zone: Zone::Header(member), at: within, left: header - within }
            } else if within < data {
                Position { zone: Zone::Data(member), at: within - header, left: data - within }
            } else {
                Position { zone: Zone::Trailer(member), at: within - data, left: end - within }
            };
        }
        let within = position - body;
        if within < self.directory_length() {
            let member = self.directory.partition_point(|offset| *offset <= within) - 1;
            let at = within - self.directory[member];
            return Position { zone: Zone::Entry(member), at, left: self.directory[member + 1] - within };
        }
        Position { zone: Zone::End, at: within - self.directory_length(), left: self.total - position }
    }

    /// The bytes of a zone without data; `crc` is asked only where it stands in them, see [`member_with_crc`](Self::needs_crc).
    pub fn render_zone(&self, zone: Zone, crc: u32) -> Vec<u8> {
        match (zone, self.form) {
            (Zone::Header(member), ArchiveFormat::ZipStored | ArchiveFormat::ZipBlocks) => {
                self.entry_of(member).render_header(crc)
            }
            (Zone::Header(member), ArchiveFormat::Tar) => tar::render_header(&self.members[member]),
            (Zone::Trailer(member), ArchiveFormat::ZipBlocks) => self.entry_of(member).render_descriptor(crc),
            (Zone::Trailer(member), ArchiveFormat::Tar) => {
                vec![0; usize::try_from(self.trailer_length(member)).unwrap_or_default()]
            }
            (Zone::Entry(member), _) => self.entry_of(member).render_directory_entry(self.offsets[member], crc),
            (Zone::End, ArchiveFormat::Tar) => vec![0; usize::try_from(tar::END_LENGTH).unwrap_or_default()],
            (Zone::End, ArchiveFormat::ZipStored | ArchiveFormat::ZipBlocks) => {
                zip::render_end(self.members.len() as u64, self.directory_offset(), self.directory_length())
            }
            (Zone::Data(_), _) | (_, ArchiveFormat::Raw) | (Zone::Trailer(_), ArchiveFormat::ZipStored) => Vec::new(),
        }
    }

    /// The member whose checksum stands in a zone.
    pub fn member_with_crc(&self, zone: Zone) -> Option<usize> {
        match (zone, self.form) {
            (Zone::Header(member), ArchiveFormat::ZipStored)
            | (Zone::Trailer(member), ArchiveFormat::ZipBlocks)
            | (Zone::Entry(member), _) => Some(member),
            _ => None,
        }
    }

    /// Which bytes of the member lie in `length` bytes of its data zone from `at` on.
    pub fn data_range(&self, member: usize, at: u64, length: u64) -> Range<u64> {
        if self.form != ArchiveFormat::ZipBlocks {
            return at..at + length;
        }
        let size = self.members[member].size;
        let whole = |stored: u64| {
            let (block, within) = (stored / (BLOCK + BLOCK_HEADER), stored % (BLOCK + BLOCK_HEADER));
            (block * BLOCK + within.saturating_sub(BLOCK_HEADER)).min(size)
        };
        whole(at)..whole(at + length)
    }

    /// Appends `length` bytes of a member's data zone from `at` on; `data` are those that [`data_range`](Self::data) named.
    pub fn append_framed_data(&self, member: usize, at: u64, length: u64, mut data: &[u8], out: &mut Vec<u8>) {
        if self.form != ArchiveFormat::ZipBlocks {
            out.extend(data);
            return;
        }
        let size = self.members[member].size;
        let (mut at, end) = (at, at + length);
        while at < end {
            let (block, within) = (at / (BLOCK + BLOCK_HEADER), at % (BLOCK + BLOCK_HEADER));
            let in_block = (size - block * BLOCK).min(BLOCK);
            if within < BLOCK_HEADER {
                let header = render_block_header(in_block, block * BLOCK + in_block == size);
                let take = (BLOCK_HEADER - within).min(end - at);
                out.extend(header.iter().skip(to_index(within)).take(to_index(take)));
                at += take;
            } else {
                let take = (in_block - (within - BLOCK_HEADER)).min(end - at);
                let (now, later) = data.split_at(to_index(take).min(data.len()));
                out.extend(now);
                data = later;
                at += take;
            }
        }
    }

    fn has_directory(&self) -> bool {
        matches!(self.form, ArchiveFormat::ZipStored | ArchiveFormat::ZipBlocks)
    }

    fn directory_length(&self) -> u64 {
        self.directory.last().copied().unwrap_or_default()
    }

    fn entry_of(&self, member: usize) -> ZipEntry<'_> {
        let member = &self.members[member];
        let (method, packed) = match self.form {
            ArchiveFormat::ZipBlocks => (Method::Deflate, zip::stored_blocks_length(member.size)),
            _ => (Method::Stored, member.size),
        };
        ZipEntry { member, method, packed, large: member.size >= MAX_U32 || packed >= MAX_U32, full: self.full }
    }

    fn header_length(&self, member: usize) -> u64 {
        match self.form {
            ArchiveFormat::Raw => 0,
            ArchiveFormat::ZipStored | ArchiveFormat::ZipBlocks => self.entry_of(member).header_length(),
            ArchiveFormat::Tar => tar::header_length(&self.members[member]),
        }
    }

    fn data_length(&self, member: usize) -> u64 {
        let size = self.members[member].size;
        if self.form == ArchiveFormat::ZipBlocks { zip::stored_blocks_length(size) } else { size }
    }

    fn trailer_length(&self, member: usize) -> u64 {
        match self.form {
            ArchiveFormat::Raw => 0,
            ArchiveFormat::ZipStored | ArchiveFormat::ZipBlocks => self.entry_of(member).descriptor_length(),
            ArchiveFormat::Tar => tar::pad_to_block(self.members[member].size) - self.members[member].size,
        }
    }

    fn end_length(&self) -> u64 {
        match self.form {
            ArchiveFormat::Raw => 0,
            ArchiveFormat::ZipStored | ArchiveFormat::ZipBlocks => {
                zip::end_length(self.members.len() as u64, self.directory_offset(), self.directory_length())
            }
            ArchiveFormat::Tar => tar::END_LENGTH,
        }
    }
}

/// A length that is known to be small.
fn to_index(length: u64) -> usize {
    usize::try_from(length).unwrap_or(usize::MAX)
}
