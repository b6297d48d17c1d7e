//! The identity of a file. While it does not change, neither do the bytes of the file.

use std::os::unix::fs::MetadataExt as _;

/// Size, times, device and inode of a file. The change time cannot be set back, so rewritten files are noticed even if
/// their modification time was restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FileIdentity {
    pub size: u64,
    /// Nanoseconds since 1970 UTC.
    pub modified_ns: i64,
    pub changed_ns: i64,
    pub device: u64,
    pub inode: u64,
}

const NANOSECONDS: i64 = 1_000_000_000;

fn to_nanoseconds(seconds: i64, within: i64) -> i64 {
    seconds.saturating_mul(NANOSECONDS).saturating_add(within)
}

impl FileIdentity {
    pub fn from_cap_metadata(metadata: &cap_std::fs::Metadata) -> Self {
        use cap_std::fs::MetadataExt as _;
        Self {
            size: metadata.len(),
            modified_ns: to_nanoseconds(metadata.mtime(), metadata.mtime_nsec()),
            changed_ns: to_nanoseconds(metadata.ctime(), metadata.ctime_nsec()),
            device: metadata.dev(),
            inode: metadata.ino(),
        }
    }

    pub fn from_std_metadata(metadata: &std::fs::Metadata) -> Self {
        Self {
            size: metadata.len(),
            modified_ns: to_nanoseconds(metadata.mtime(), metadata.mtime_nsec()),
            changed_ns: to_nanoseconds(metadata.ctime(), metadata.ctime_nsec()),
            device: metadata.dev(),
            inode: metadata.ino(),
        }
    }

    /// Whole seconds since 1970 UTC, rounded down.
    pub fn modified_seconds(&self) -> i64 {
        self.modified_ns.div_euclid(NANOSECONDS)
    }
}
