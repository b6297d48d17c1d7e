//! The layout of an archive: the offset of each member, and a binary search in the offsets.

use std::ops::Range;
use std::sync::Arc;

use super::tar;
use super::zip::{self, BLOCK, BLOCK_HEADER, MAX_U32, Method, ZipEntry, render_block_header};
use super::{LayoutFormat, Member};

/// The layout of one archive. Needs 16 bytes per member.
#[derive(Debug)]
pub struct Layout {
    format: LayoutFormat,
    members: Arc<[Member]>,
    /// The offset of each member, and of what follows the last one.
    offsets: Vec<u64>,
    /// The offset of each entry within the directory, and the length of the directory.
    directory: Vec<u64>,
    full: bool,
    total: u64,
}

/// A part of an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Zone {
    /// Before the data of a member.
    Header(usize),
    Data(usize),
    /// After the data of a member: checksum or padding.
    Trailer(usize),
    /// The entry of a member in the directory.
    Entry(usize),
    /// The end of the archive.
    End,
}

/// What is at one byte of an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    pub zone: Zone,
    /// The offset within the zone.
    pub offset: u64,
    /// Bytes to the end of the zone.
    pub left: u64,
}

impl Layout {
    pub fn new(format: LayoutFormat, members: Arc<[Member]>) -> Self {
        let full = format != LayoutFormat::Tar
            && format != LayoutFormat::Raw
            && members.iter().any(|member| member.size == MAX_U32);
        let mut layout = Self {
            format,
            offsets: Vec::with_capacity(members.len() + 1),
            directory: Vec::with_capacity(if format == LayoutFormat::Tar { 0 } else { members.len() + 1 }),
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

    /// The offset of the first data byte of a member.
    pub fn data_offset(&self, member: usize) -> u64 {
        self.offsets[member] + self.header_length(member)
    }

    /// The offset of the directory, or of the end of an archive without one.
    pub fn directory_offset(&self) -> u64 {
        self.offsets[self.members.len()]
    }

    /// What is at `position`, which must be less than [`total_length`](Self::total).
    pub fn locate(&self, position: u64) -> Position {
        let body = self.directory_offset();
        if position < body {
            let member = self.offsets.partition_point(|offset| *offset <= position) - 1;
            let within = position - self.offsets[member];
            let header = self.header_length(member);
            let data = header + self.data_length(member);
            let end = self.offsets[member + 1] - self.offsets[member];
            return if within < header {
                Position { zone: Zone::Header(member), offset: within, left: header - within }
            } else if within < data {
                Position { zone: Zone::Data(member), offset: within - header, left: data - within }
            } else {
                Position { zone: Zone::Trailer(member), offset: within - data, left: end - within }
            };
        }
        let within = position - body;
        if within < self.directory_length() {
            let member = self.directory.partition_point(|offset| *offset <= within) - 1;
            let offset = within - self.directory[member];
            return Position { zone: Zone::Entry(member), offset, left: self.directory[member + 1] - within };
        }
        Position { zone: Zone::End, offset: within - self.directory_length(), left: self.total - position }
    }

    /// The bytes of a zone without data; `crc` is used only in zones with a checksum, see [`member_with_crc`](Self::needs_crc).
    pub fn render_zone(&self, zone: Zone, crc: u32) -> Vec<u8> {
        match (zone, self.format) {
            (Zone::Header(member), LayoutFormat::ZipStored | LayoutFormat::ZipBlocks) => {
                self.entry_of(member).render_header(crc)
            }
            (Zone::Header(member), LayoutFormat::Tar) => tar::render_header(&self.members[member]),
            (Zone::Trailer(member), LayoutFormat::ZipBlocks) => self.entry_of(member).render_descriptor(crc),
            (Zone::Trailer(member), LayoutFormat::Tar) => {
                vec![0; usize::try_from(self.trailer_length(member)).unwrap_or_default()]
            }
            (Zone::Entry(member), _) => self.entry_of(member).render_directory_entry(self.offsets[member], crc),
            (Zone::End, LayoutFormat::Tar) => vec![0; usize::try_from(tar::END_LENGTH).unwrap_or_default()],
            (Zone::End, LayoutFormat::ZipStored | LayoutFormat::ZipBlocks) => {
                zip::render_end(self.members.len() as u64, self.directory_offset(), self.directory_length())
            }
            (Zone::Data(_), _) | (_, LayoutFormat::Raw) | (Zone::Trailer(_), LayoutFormat::ZipStored) => Vec::new(),
        }
    }

    /// The member whose checksum is in a zone.
    pub fn member_with_crc(&self, zone: Zone) -> Option<usize> {
        match (zone, self.format) {
            (Zone::Header(member), LayoutFormat::ZipStored)
            | (Zone::Trailer(member), LayoutFormat::ZipBlocks)
            | (Zone::Entry(member), _) => Some(member),
            _ => None,
        }
    }

    /// The bytes of the member that are in `length` bytes of its data zone from `at` on.
    pub fn data_range(&self, member: usize, at: u64, length: u64) -> Range<u64> {
        if self.format != LayoutFormat::ZipBlocks {
            return at..at + length;
        }
        let size = self.members[member].size;
        let whole = |stored: u64| {
            let (block, within) = (stored / (BLOCK + BLOCK_HEADER), stored % (BLOCK + BLOCK_HEADER));
            (block * BLOCK + within.saturating_sub(BLOCK_HEADER)).min(size)
        };
        whole(at)..whole(at + length)
    }

    /// Appends `length` bytes of the data zone of a member from `at` on; `data` is its [`data_range`](Self::data_range).
    pub fn append_framed_data(&self, member: usize, at: u64, length: u64, mut data: &[u8], out: &mut Vec<u8>) {
        if self.format != LayoutFormat::ZipBlocks {
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
        matches!(self.format, LayoutFormat::ZipStored | LayoutFormat::ZipBlocks)
    }

    fn directory_length(&self) -> u64 {
        self.directory.last().copied().unwrap_or_default()
    }

    fn entry_of(&self, member: usize) -> ZipEntry<'_> {
        let member = &self.members[member];
        let (method, packed) = match self.format {
            LayoutFormat::ZipBlocks => (Method::Deflate, zip::stored_blocks_length(member.size)),
            _ => (Method::Stored, member.size),
        };
        ZipEntry { member, method, packed, large: member.size >= MAX_U32 || packed >= MAX_U32, full: self.full }
    }

    fn header_length(&self, member: usize) -> u64 {
        match self.format {
            LayoutFormat::Raw => 0,
            LayoutFormat::ZipStored | LayoutFormat::ZipBlocks => self.entry_of(member).header_length(),
            LayoutFormat::Tar => tar::header_length(&self.members[member]),
        }
    }

    fn data_length(&self, member: usize) -> u64 {
        let size = self.members[member].size;
        if self.format == LayoutFormat::ZipBlocks { zip::stored_blocks_length(size) } else { size }
    }

    fn trailer_length(&self, member: usize) -> u64 {
        match self.format {
            LayoutFormat::Raw => 0,
            LayoutFormat::ZipStored | LayoutFormat::ZipBlocks => self.entry_of(member).descriptor_length(),
            LayoutFormat::Tar => tar::pad_to_block(self.members[member].size) - self.members[member].size,
        }
    }

    fn end_length(&self) -> u64 {
        match self.format {
            LayoutFormat::Raw => 0,
            LayoutFormat::ZipStored | LayoutFormat::ZipBlocks => {
                zip::end_length(self.members.len() as u64, self.directory_offset(), self.directory_length())
            }
            LayoutFormat::Tar => tar::END_LENGTH,
        }
    }
}

/// Converts a length that is known to be small.
fn to_index(length: u64) -> usize {
    usize::try_from(length).unwrap_or(usize::MAX)
}
