//! The bytes of a ZIP archive (APPNOTE 6.3) whose checksums are not known beforehand.
//!
//! Every member is written as DEFLATE in stored blocks with a data descriptor behind it: the one form whose total
//! length is known before the first byte and which every reader takes, those that read a stream included. Zip64 stands
//! just where a size or offset needs it.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// The value that says "look into the zip64 block".
const U32: u64 = 0xFFFF_FFFF;
const U16: u64 = 0xFFFF;
/// The most data of a stored block, and what each costs besides.
pub const BLOCK: u64 = 65_535;
const BLOCK_HEADER: u64 = 5;
/// Made on Unix (3), by version 4.5 of the format.
const DIRECTORY_VERSION: u16 = 0x032D;
/// Names are UTF-8; sizes and checksum follow the data.
const FLAGS: u16 = 0x0808;
const DEFLATE: u16 = 8;
/// A regular file, readable by all, writable by its owner.
const ATTRIBUTES: u32 = 0o100_644 << 16;
/// Extended timestamp, modification time only.
const TIME_EXTRA: u64 = 9;

/// A file of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    pub name: String,
    pub size: u64,
    /// Whole seconds since 1970 UTC.
    pub modified: i64,
}

/// A member that has been written.
pub struct Written {
    pub offset: u64,
    pub crc: u32,
}

impl Member {
    /// Length of the data as stored blocks.
    pub fn stored(&self) -> u64 {
        self.size + BLOCK_HEADER * self.size.div_ceil(BLOCK).max(1)
    }

    fn is_large(&self) -> bool {
        self.size >= U32 || self.stored() >= U32
    }

    fn name_length(&self) -> u64 {
        self.name.len() as u64
    }

    /// Everything of the member before the central directory.
    pub fn length(&self) -> u64 {
        let large = u64::from(self.is_large());
        30 + self.name_length() + TIME_EXTRA + 20 * large + self.stored() + 16 + 8 * large
    }

    fn directory_length(&self, offset: u64) -> u64 {
        let (large, far) = (self.is_large(), offset >= U32);
        let extra = u64::from(large || far) * 4 + u64::from(large) * 16 + u64::from(far) * 8;
        46 + self.name_length() + TIME_EXTRA + extra
    }
}

/// The length of the whole archive.
pub fn total(members: &[Member]) -> u64 {
    let (mut offset, mut directory) = (0, 0);
    for member in members {
        directory += member.directory_length(offset);
        offset += member.length();
    }
    offset + directory + end_length(members.len() as u64, offset, directory)
}

fn end_length(count: u64, offset: u64, size: u64) -> u64 {
    22 + if needs_zip64_end(count, offset, size) { 56 + 20 } else { 0 }
}

fn needs_zip64_end(count: u64, offset: u64, size: u64) -> bool {
    count >= U16 || offset >= U32 || size >= U32
}

/// Little-endian fields one after the other.
#[derive(Default)]
struct Fields(Vec<u8>);

impl Fields {
    fn u16(mut self, v: u16) -> Self {
        self.0.extend(v.to_le_bytes());
        self
    }
    fn u32(mut self, v: u32) -> Self {
        self.0.extend(v.to_le_bytes());
        self
    }
    fn u64(mut self, v: u64) -> Self {
        self.0.extend(v.to_le_bytes());
        self
    }
    /// A length that has been made sure to fit.
    fn short(self, v: u64) -> Self {
        self.u16(u16::try_from(v).unwrap_or(u16::MAX))
    }
    /// The value, or the mark that it stands in the zip64 block.
    fn marked(self, v: u64) -> Self {
        self.u32(u32::try_from(v).unwrap_or(u32::MAX))
    }
    fn bytes(mut self, v: &[u8]) -> Self {
        self.0.extend(v);
        self
    }
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

pub fn local_header(member: &Member) -> Vec<u8> {
    let large = member.is_large();
    let (time, date) = dos_time(member.modified);
    let unknown = if large { u32::MAX } else { 0 };
    let fields = Fields::default()
        .u32(0x0403_4b50)
        .u16(if large { 45 } else { 20 })
        .u16(FLAGS)
        .u16(DEFLATE)
        .u16(time)
        .u16(date)
        .u32(0)
        .u32(unknown)
        .u32(unknown)
        .short(member.name_length())
        .short(TIME_EXTRA + if large { 20 } else { 0 })
        .bytes(member.name.as_bytes());
    let fields = if large { fields.u16(1).u16(16).u64(0).u64(0) } else { fields };
    fields.bytes(&time_extra(member.modified)).0
}

/// The header of a stored block of at most [`BLOCK`] bytes.
pub fn block_header(length: u16, last: bool) -> [u8; 5] {
    let [a, b] = length.to_le_bytes();
    [u8::from(last), a, b, !a, !b]
}

pub fn descriptor(member: &Member, crc: u32) -> Vec<u8> {
    let fields = Fields::default().u32(0x0807_4b50).u32(crc);
    if member.is_large() {
        fields.u64(member.stored()).u64(member.size).0
    } else {
        fields.marked(member.stored()).marked(member.size).0
    }
}

fn directory_entry(member: &Member, written: &Written) -> Vec<u8> {
    let (large, far) = (member.is_large(), written.offset >= U32);
    let (time, date) = dos_time(member.modified);
    let mut extra = Fields::default();
    if large || far {
        extra = extra.u16(1).short(u64::from(large) * 16 + u64::from(far) * 8);
    }
    if large {
        extra = extra.u64(member.size).u64(member.stored());
    }
    if far {
        extra = extra.u64(written.offset);
    }
    let extra = extra.bytes(&time_extra(member.modified)).0;
    let (stored, size) = if large { (U32, U32) } else { (member.stored(), member.size) };
    Fields::default()
        .u32(0x0201_4b50)
        .u16(DIRECTORY_VERSION)
        .u16(if large || far { 45 } else { 20 })
        .u16(FLAGS)
        .u16(DEFLATE)
        .u16(time)
        .u16(date)
        .u32(written.crc)
        .marked(stored)
        .marked(size)
        .short(member.name_length())
        .short(extra.len() as u64)
        .u16(0)
        .u16(0)
        .u16(0)
        .u32(ATTRIBUTES)
        .marked(written.offset)
        .bytes(member.name.as_bytes())
        .bytes(&extra)
        .0
}

/// The central directory and the end of the archive; `offset` is where it starts.
pub fn directory(members: &[Member], written: &[Written], offset: u64) -> Vec<u8> {
    let mut out: Vec<u8> = members.iter().zip(written).flat_map(|(m, w)| directory_entry(m, w)).collect();
    let (count, size) = (members.len() as u64, out.len() as u64);
    if needs_zip64_end(count, offset, size) {
        let end = Fields::default()
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
        out.extend(end.0);
    }
    let end =
        Fields::default().u32(0x0605_4b50).u16(0).u16(0).short(count).short(count).marked(size).marked(offset).u16(0);
    out.extend(end.0);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use service_kit::digest;

    /// Byte y of member i of the test vectors.
    fn content(i: usize, size: u64) -> Vec<u8> {
        (0..size).map(|y| u8::try_from((7 * y + 3 * (y / 256) + 31 * i as u64) % 256).unwrap()).collect()
    }

    fn archive(members: &[Member]) -> Vec<u8> {
        let (mut out, mut written) = (Vec::new(), Vec::new());
        for (i, member) in members.iter().enumerate() {
            let data = content(i, member.size);
            written.push(Written { offset: out.len() as u64, crc: crc32fast::hash(&data) });
            out.extend(local_header(member));
            let mut blocks = data.chunks(usize::try_from(BLOCK).unwrap()).peekable();
            if blocks.peek().is_none() {
                out.extend(block_header(0, true));
            }
            while let Some(block) = blocks.next() {
                out.extend(block_header(u16::try_from(block.len()).unwrap(), blocks.peek().is_none()));
                out.extend(block);
            }
            out.extend(descriptor(member, crc32fast::hash(&data)));
        }
        let offset = out.len() as u64;
        out.extend(directory(members, &written, offset));
        out
    }

    fn member(name: &str, size: u64, modified: i64) -> Member {
        Member { name: name.to_owned(), size, modified }
    }

    /// Archives that Python's zipfile, Info-ZIP, and Java's `ZipFile` and `ZipInputStream` have read.
    #[test]
    fn archives_are_the_published_bytes() {
        let nothing = archive(&[]);
        assert_eq!(digest(&nothing), "8739c76e681f900923b900c9df0ef75cf421d39cabb54650c4b9ad19b6a76d85");
        let empty = [member("empty", 0, 0)];
        assert_eq!(digest(archive(&empty)), "5df0b6667e209b3823ea042fc7ff92cfc46d897509dd066533309f77ada85d6a");
        let three = [
            member("ids/F/I-1/1/ds/a.txt", 1, 1_700_000_000),
            member("ids/F/I-1/1/ds/b.dat", 1000, 1_700_000_001),
            member("ids/F/I-1/1/ds/c.dat", 512, 1_709_210_096),
        ];
        assert_eq!(digest(archive(&three)), "e04c9ddf5c944f15936ac687f90ef00ea5b5e86ae121a9ffb2c056bdae20d9d8");
        for members in [&[][..], &empty, &three] {
            assert_eq!(archive(members).len() as u64, total(members));
        }
    }

    #[test]
    fn lengths_hold_at_the_edges_of_blocks_and_of_zip64() {
        for size in [65_534, 65_535, 65_536, 131_070, 131_071] {
            let members = [member("a", size, 1_700_000_000), member("b", 1, 1_700_000_000)];
            assert_eq!(archive(&members).len() as u64, total(&members), "{size}");
        }
        let large = member("large", 5 << 30, 0);
        assert_eq!(local_header(&large).len() as u64 + large.stored() + 24, large.length());
        let written = Written { offset: 5 << 30, crc: 0 };
        assert_eq!(directory_entry(&large, &written).len() as u64, large.directory_length(written.offset));
        let many: Vec<Member> = (0..70_000).map(|n| member(&format!("f{n}"), 0, 0)).collect();
        assert_eq!(archive(&many).len() as u64, total(&many));
    }
}
