//! Archives as pure functions of an ordered list of members: no file is touched and nothing is remembered here.
//!
//! A [`Layout`] knows the exact length and what lies at each byte: headers, which are made again whenever they are
//! asked for, and data, which is a place in a member. So any range of an archive of any size costs a binary search and
//! the data that it covers. [`Compressed`] archives have neither a length nor ranges and only go forward.

mod compressed;
mod layout;
mod little_endian;
#[cfg(test)]
mod published_archives;
mod tar;
mod zip;

pub use self::compressed::{CompressedArchive, Compression};
pub use self::layout::{Layout, Position, Zone};
pub use self::zip::stored_blocks_length;

/// Changes whenever the bytes of an archive of the same members change; part of every validator.
pub const FORMAT_VERSION: u32 = 1;

/// A file of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Path within the archive: UTF-8, at most 65,535 bytes.
    pub name: String,
    pub size: u64,
    /// Whole seconds since 1970 UTC.
    pub modified: i64,
}

/// How the bytes are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ArchiveFormat {
    /// One file as it is.
    Raw,
    /// ZIP, stored, each checksum in front of its data: needs all of them before the first byte.
    ZipStored,
    /// ZIP, DEFLATE in stored blocks, each checksum behind its data: needs none to begin.
    ZipBlocks,
    /// POSIX pax; has no checksums of data.
    Tar,
}
