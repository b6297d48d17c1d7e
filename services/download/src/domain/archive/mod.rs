//! Archives as pure functions of an ordered list of members: no file is read and no state is kept here.
//!
//! A [`Layout`] knows the exact length of an archive and what is at each byte: headers, which are rendered whenever they
//! are needed, and data of a member. So any range of an archive of any size costs a binary search and its own bytes. A
//! [`CompressedArchive`] has neither a known length nor ranges, and is written from start to end.

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

/// Must change whenever archives of the same members get other bytes; part of every validator.
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

/// The format of an archive with known length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LayoutFormat {
    /// A single file as it is.
    Raw,
    /// ZIP, stored, with checksums before the data: needs all checksums before the first byte.
    ZipStored,
    /// ZIP, DEFLATE in stored blocks, with checksums after the data: needs none to begin.
    ZipBlocks,
    /// POSIX pax, which has no checksums of data.
    Tar,
}
