//! The parts of a ZIP archive (APPNOTE 6.3) and their lengths. Zip64 is used only where a size or an offset needs it.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::Member;
use super::little_endian::LittleEndianBuffer;

/// The value that refers to the zip64 field.
pub const MAX_U32: u64 = 0xFFFF_FFFF;
const MAX_U16: u64 = 0xFFFF;
/// Most data of a stored block, and the length of its header.
pub const BLOCK: u64 = 65_535;
pub const BLOCK_HEADER: u64 = 5;
/// Created on Unix (3), version 4.5 of the format.
const DIRECTORY_VERSION: u16 = 0x032D;
/// Names are UTF-8.
const FLAG_UTF8: u16 = 0x0800;
/// Sizes and checksum follow the data.
const FLAG_DATA_DESCRIPTOR: u16 = 0x0008;
/// A regular file, readable by all, writable by its owner.
const ATTRIBUTES: u32 = 0o100_644 << 16;
/// Extended timestamp, modification time only.
const TIME_EXTRA: u64 = 9;

/// How data are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// As they are, with the checksum before the data.
    Stored,
    /// DEFLATE, with the checksum after the data.
    Deflate,
}

/// A member with its size in the archive.
#[derive(Debug, Clone, Copy)]
pub struct ZipEntry<'m> {
    pub member: &'m Member,
    pub method: Method,
    /// Bytes in the archive.
    pub packed: u64,
    /// Whether sizes need zip64.
    pub large: bool,
    /// Whether every directory entry with zip64 carries all three values. Info-ZIP takes a true 2^32-1 for the mark
    /// and would read the offset of the next entry from the wrong place.
    pub full: bool,
}

/// The length of data in stored DEFLATE blocks.
pub fn stored_blocks_length(size: u64) -> u64 {
    size + BLOCK_HEADER * size.div_ceil(BLOCK).max(1)
}

impl ZipEntry<'_> {
    fn name_length(&self) -> u64 {
        self.member.name.len() as u64
    }

    pub fn header_length(&self) -> u64 {
        30 + self.name_length() + TIME_EXTRA + if self.large { 20 } else { 0 }
    }

    pub fn descriptor_length(&self) -> u64 {
        match (self.method, self.large) {
            (Method::Stored, _) => 0,
            (Method::Deflate, false) => 16,
            (Method::Deflate, true) => 24,
        }
    }

    /// Whether the zip64 field of the directory has the sizes, and whether it has the offset.
    fn zip64_fields(&self, offset: u64) -> (bool, bool) {
        let (large, far) = (self.large, offset >= MAX_U32);
        if self.full && (large || far) { (true, true) } else { (large, far) }
    }

    pub fn directory_length(&self, offset: u64) -> u64 {
        let (large, far) = self.zip64_fields(offset);
        let block = u64::from(large || far) * 4 + u64::from(large) * 16 + u64::from(far) * 8;
        46 + self.name_length() + TIME_EXTRA + block
    }

    fn flags_and_method(&self) -> (u16, u16) {
        match self.method {
            Method::Stored => (FLAG_UTF8, 0),
            Method::Deflate => (FLAG_UTF8 | FLAG_DATA_DESCRIPTOR, 8),
        }
    }

    pub fn render_header(&self, crc: u32) -> Vec<u8> {
        let (time, date) = to_dos_time(self.member.modified);
        let (flags, method) = self.flags_and_method();
        let (crc, packed, size) = match self.method {
            Method::Stored => (crc, self.packed, self.member.size),
            Method::Deflate => (0, 0, 0),
        };
        let (marked_packed, marked_size) = if self.large { (MAX_U32, MAX_U32) } else { (packed, size) };
        let fields = LittleEndianBuffer::default()
            .push_u32(0x0403_4b50)
            .push_u16(if self.large { 45 } else { 20 })
            .push_u16(flags)
            .push_u16(method)
            .push_u16(time)
            .push_u16(date)
            .push_u32(crc)
            .push_capped_u32(marked_packed)
            .push_capped_u32(marked_size)
            .push_capped_u16(self.name_length())
            .push_capped_u16(TIME_EXTRA + if self.large { 20 } else { 0 })
            .push_bytes(self.member.name.as_bytes());
        let fields = if self.large { fields.push_u16(1).push_u16(16).push_u64(size).push_u64(packed) } else { fields };
        fields.push_bytes(&render_time_extra(self.member.modified)).0
    }

    pub fn render_descriptor(&self, crc: u32) -> Vec<u8> {
        if self.method == Method::Stored {
            return Vec::new();
        }
        let fields = LittleEndianBuffer::default().push_u32(0x0807_4b50).push_u32(crc);
        if self.large {
            fields.push_u64(self.packed).push_u64(self.member.size).0
        } else {
            fields.push_capped_u32(self.packed).push_capped_u32(self.member.size).0
        }
    }

    pub fn render_directory_entry(&self, offset: u64, crc: u32) -> Vec<u8> {
        let (large, far) = self.zip64_fields(offset);
        let (time, date) = to_dos_time(self.member.modified);
        let (flags, method) = self.flags_and_method();
        let mut extra = LittleEndianBuffer::default();
        if large || far {
            extra = extra.push_u16(1).push_capped_u16(u64::from(large) * 16 + u64::from(far) * 8);
        }
        if large {
            extra = extra.push_u64(self.member.size).push_u64(self.packed);
        }
        if far {
            extra = extra.push_u64(offset);
        }
        let extra = extra.push_bytes(&render_time_extra(self.member.modified)).0;
        let (packed, size) = if large { (MAX_U32, MAX_U32) } else { (self.packed, self.member.size) };
        LittleEndianBuffer::default()
            .push_u32(0x0201_4b50)
            .push_u16(DIRECTORY_VERSION)
            .push_u16(if large || far { 45 } else { 20 })
            .push_u16(flags)
            .push_u16(method)
            .push_u16(time)
            .push_u16(date)
            .push_u32(crc)
            .push_capped_u32(packed)
            .push_capped_u32(size)
            .push_capped_u16(self.name_length())
            .push_capped_u16(extra.len() as u64)
            .push_u16(0)
            .push_u16(0)
            .push_u16(0)
            .push_u32(ATTRIBUTES)
            .push_capped_u32(if far { MAX_U32 } else { offset })
            .push_bytes(self.member.name.as_bytes())
            .push_bytes(&extra)
            .0
    }
}

fn needs_zip64_end(count: u64, offset: u64, size: u64) -> bool {
    count >= MAX_U16 || offset >= MAX_U32 || size >= MAX_U32
}

pub fn end_length(count: u64, offset: u64, size: u64) -> u64 {
    22 + if needs_zip64_end(count, offset, size) { 56 + 20 } else { 0 }
}

/// The end of the archive; `offset` and `size` are those of the directory.
pub fn render_end(count: u64, offset: u64, size: u64) -> Vec<u8> {
    let mut fields = LittleEndianBuffer::default();
    if needs_zip64_end(count, offset, size) {
        fields = fields
            .push_u32(0x0606_4b50)
            .push_u64(44)
            .push_u16(45)
            .push_u16(45)
            .push_u32(0)
            .push_u32(0)
            .push_u64(count)
            .push_u64(count)
            .push_u64(size)
            .push_u64(offset)
            .push_u32(0x0706_4b50)
            .push_u32(0)
            .push_u64(offset + size)
            .push_u32(1);
    }
    fields
        .push_u32(0x0605_4b50)
        .push_u16(0)
        .push_u16(0)
        .push_capped_u16(count)
        .push_capped_u16(count)
        .push_capped_u32(size)
        .push_capped_u32(offset)
        .push_u16(0)
        .0
}

/// The header of a stored block of at most [`BLOCK`] bytes.
pub fn render_block_header(length: u64, last: bool) -> [u8; 5] {
    let [a, b] = u16::try_from(length).unwrap_or(u16::MAX).to_le_bytes();
    [u8::from(last), a, b, !a, !b]
}

/// DOS time and date in UTC, clamped to their range; odd seconds are rounded down.
fn to_dos_time(seconds: i64) -> (u16, u16) {
    const FIRST: i64 = 315_532_800;
    const LAST: i64 = 4_354_819_198;
    let moment = TimeZone::UTC.to_datetime(Timestamp::from_second(seconds.clamp(FIRST, LAST)).unwrap_or_default());
    let part = |v: i8, shift: u32| u16::try_from(v).unwrap_or_default() << shift;
    let year = u16::try_from(moment.year() - 1980).unwrap_or_default();
    let date = year << 9 | part(moment.month(), 5) | part(moment.day(), 0);
    let time = part(moment.hour(), 11) | part(moment.minute(), 5) | part(moment.second() / 2, 0);
    (time, date)
}

fn render_time_extra(seconds: i64) -> Vec<u8> {
    let seconds = i32::try_from(seconds.clamp(i64::from(i32::MIN), i64::from(i32::MAX))).unwrap_or_default();
    LittleEndianBuffer::default().push_u16(0x5455).push_u16(5).push_bytes(&[1]).push_bytes(&seconds.to_le_bytes()).0
}
