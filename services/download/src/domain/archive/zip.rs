//! The parts of a ZIP archive (APPNOTE 6.3) and their lengths. Zip64 stands just where a size or offset needs it.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::Member;
use super::little_endian::Fields;

/// The value that says "look into the zip64 block".
pub const U32: u64 = 0xFFFF_FFFF;
const U16: u64 = 0xFFFF;
/// The most data of a stored block, and what each costs besides.
pub const BLOCK: u64 = 65_535;
pub const BLOCK_HEADER: u64 = 5;
/// Made on Unix (3), by version 4.5 of the format.
const DIRECTORY_VERSION: u16 = 0x032D;
/// Names are UTF-8.
const UTF8: u16 = 0x0800;
/// Sizes and checksum follow the data.
const FOLLOWS: u16 = 0x0008;
/// A regular file, readable by all, writable by its owner.
const ATTRIBUTES: u32 = 0o100_644 << 16;
/// Extended timestamp, modification time only.
const TIME_EXTRA: u64 = 9;

/// How the data of all members are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// As they are, the checksum in front.
    Stored,
    /// DEFLATE, the checksum behind.
    Deflate,
}

/// A member with what it takes in the archive.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'m> {
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

/// Length of data as stored blocks.
pub fn in_blocks(size: u64) -> u64 {
    size + BLOCK_HEADER * size.div_ceil(BLOCK).max(1)
}

impl Entry<'_> {
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

    /// Sizes and offset in the zip64 block of the directory.
    fn marks(&self, offset: u64) -> (bool, bool) {
        let (large, far) = (self.large, offset >= U32);
        if self.full && (large || far) { (true, true) } else { (large, far) }
    }

    pub fn directory_length(&self, offset: u64) -> u64 {
        let (large, far) = self.marks(offset);
        let block = u64::from(large || far) * 4 + u64::from(large) * 16 + u64::from(far) * 8;
        46 + self.name_length() + TIME_EXTRA + block
    }

    fn flags_and_method(&self) -> (u16, u16) {
        match self.method {
            Method::Stored => (UTF8, 0),
            Method::Deflate => (UTF8 | FOLLOWS, 8),
        }
    }

    pub fn header(&self, crc: u32) -> Vec<u8> {
        let (time, date) = dos_time(self.member.modified);
        let (flags, method) = self.flags_and_method();
        let (crc, packed, size) = match self.method {
            Method::Stored => (crc, self.packed, self.member.size),
            Method::Deflate => (0, 0, 0),
        };
        let (marked_packed, marked_size) = if self.large { (U32, U32) } else { (packed, size) };
        let fields = Fields::default()
            .u32(0x0403_4b50)
            .u16(if self.large { 45 } else { 20 })
            .u16(flags)
            .u16(method)
            .u16(time)
            .u16(date)
            .u32(crc)
            .marked(marked_packed)
            .marked(marked_size)
            .short(self.name_length())
            .short(TIME_EXTRA + if self.large { 20 } else { 0 })
            .bytes(self.member.name.as_bytes());
        let fields = if self.large { fields.u16(1).u16(16).u64(size).u64(packed) } else { fields };
        fields.bytes(&time_extra(self.member.modified)).0
    }

    pub fn descriptor(&self, crc: u32) -> Vec<u8> {
        if self.method == Method::Stored {
            return Vec::new();
        }
        let fields = Fields::default().u32(0x0807_4b50).u32(crc);
        if self.large {
            fields.u64(self.packed).u64(self.member.size).0
        } else {
            fields.marked(self.packed).marked(self.member.size).0
        }
    }

    pub fn directory_entry(&self, offset: u64, crc: u32) -> Vec<u8> {
        let (large, far) = self.marks(offset);
        let (time, date) = dos_time(self.member.modified);
        let (flags, method) = self.flags_and_method();
        let mut extra = Fields::default();
        if large || far {
            extra = extra.u16(1).short(u64::from(large) * 16 + u64::from(far) * 8);
        }
        if large {
            extra = extra.u64(self.member.size).u64(self.packed);
        }
        if far {
            extra = extra.u64(offset);
        }
        let extra = extra.bytes(&time_extra(self.member.modified)).0;
        let (packed, size) = if large { (U32, U32) } else { (self.packed, self.member.size) };
        Fields::default()
            .u32(0x0201_4b50)
            .u16(DIRECTORY_VERSION)
            .u16(if large || far { 45 } else { 20 })
            .u16(flags)
            .u16(method)
            .u16(time)
            .u16(date)
            .u32(crc)
            .marked(packed)
            .marked(size)
            .short(self.name_length())
            .short(extra.len() as u64)
            .u16(0)
            .u16(0)
            .u16(0)
            .u32(ATTRIBUTES)
            .marked(if far { U32 } else { offset })
            .bytes(self.member.name.as_bytes())
            .bytes(&extra)
            .0
    }
}

fn needs_zip64_end(count: u64, offset: u64, size: u64) -> bool {
    count >= U16 || offset >= U32 || size >= U32
}

pub fn end_length(count: u64, offset: u64, size: u64) -> u64 {
    22 + if needs_zip64_end(count, offset, size) { 56 + 20 } else { 0 }
}

/// What follows the directory; `offset` and `size` are the directory's.
pub fn end(count: u64, offset: u64, size: u64) -> Vec<u8> {
    let mut fields = Fields::default();
    if needs_zip64_end(count, offset, size) {
        fields = fields
            .u32(0x0606_4b50)
            .u64(44)
            .u16(45)
            .u16(45)
            .u32(0)
            .u32(0)
            .u64(count)
            .u64(count)
            .u64(size)
            .u64(offset)
            .u32(0x0706_4b50)
            .u32(0)
            .u64(offset + size)
            .u32(1);
    }
    fields.u32(0x0605_4b50).u16(0).u16(0).short(count).short(count).marked(size).marked(offset).u16(0).0
}

/// The header of a stored block of at most [`BLOCK`] bytes.
pub fn block_header(length: u64, last: bool) -> [u8; 5] {
    let [a, b] = u16::try_from(length).unwrap_or(u16::MAX).to_le_bytes();
    [u8::from(last), a, b, !a, !b]
}

/// DOS time and date in UTC, clamped to what they can say; odd seconds round down.
fn dos_time(seconds: i64) -> (u16, u16) {
    const FIRST: i64 = 315_532_800;
    const LAST: i64 = 4_354_819_198;
    let moment = TimeZone::UTC.to_datetime(Timestamp::from_second(seconds.clamp(FIRST, LAST)).unwrap_or_default());
    let part = |v: i8, shift: u32| u16::try_from(v).unwrap_or_default() << shift;
    let year = u16::try_from(moment.year() - 1980).unwrap_or_default();
    let date = year << 9 | part(moment.month(), 5) | part(moment.day(), 0);
    let time = part(moment.hour(), 11) | part(moment.minute(), 5) | part(moment.second() / 2, 0);
    (time, date)
}

fn time_extra(seconds: i64) -> Vec<u8> {
    let seconds = i32::try_from(seconds.clamp(i64::from(i32::MIN), i64::from(i32::MAX))).unwrap_or_default();
    Fields::default().u16(0x5455).u16(5).bytes(&[1]).bytes(&seconds.to_le_bytes()).0
}
