//! One file of a manifest being read: checked when it is opened and after every read, so that bytes of another
//! generation never leave the house.

use std::io;

use rustix::buffer::spare_capacity;
use rustix::io::{Errno, pread};

use crate::domain::file_identity::FileIdentity;
use crate::manifest::Manifest;
use crate::storage::{self, OpenFile, StorageRoot};

/// Why a transfer cannot go on.
#[derive(Debug)]
pub enum ReadError {
    /// The file is not the one that was frozen.
    Changed(usize),
    /// The file has another checksum than was known, so it was changed behind the back of its times.
    ChecksumMismatch { member: usize, crc: u32 },
    /// It cannot be read now.
    Unreadable(usize, io::Error),
    /// A checksum is wanted that nobody knows.
    ChecksumUnknown(usize),
}

/// The file behind a member.
#[derive(Debug)]
pub struct MemberReader {
    pub member: usize,
    opened: OpenFile,
}

/// Compares without opening; for files without bytes, of which nothing is read.
pub fn require_unchanged_member(root: &StorageRoot, manifest: &Manifest, member: usize) -> Result<(), ReadError> {
    let source = &manifest.sources[member];
    let found = storage::identify_file(root, &source.location).map_err(|e| ReadError::Unreadable(member, e))?;
    require_same_identity(member, &source.identity, &found)
}

fn require_same_identity(member: usize, frozen: &FileIdentity, found: &FileIdentity) -> Result<(), ReadError> {
    if frozen == found { Ok(()) } else { Err(ReadError::Changed(member)) }
}

impl MemberReader {
    pub fn open(root: &StorageRoot, manifest: &Manifest, member: usize) -> Result<Self, ReadError> {
        let source = &manifest.sources[member];
        let opened = storage::open_file(root, &source.location).map_err(|e| ReadError::Unreadable(member, e))?;
        require_same_identity(member, &source.identity, &opened.identity)?;
        Ok(Self { member, opened })
    }

    /// Appends `length` bytes from `offset`.
    pub fn read_at(&self, offset: u64, length: usize, out: &mut Vec<u8>) -> Result<(), ReadError> {
        let (start, end) = (out.len(), out.len() + length);
        out.reserve(length);
        while out.len() < end {
            let at = offset + (out.len() - start) as u64;
            // Into memory as it is: clearing it first would take nearly as long as the reading.
            match pread(&self.opened.file, spare_capacity(out), at) {
                Ok(0) => return Err(ReadError::Changed(self.member)),
                Ok(_) | Err(Errno::INTR) => {}
                Err(e) => return Err(ReadError::Unreadable(self.member, e.into())),
            }
        }
        out.truncate(end);
        let now = self.opened.file.metadata().map_err(|e| ReadError::Unreadable(self.member, e))?;
        require_same_identity(self.member, &self.opened.identity, &FileIdentity::from_std_metadata(&now))
    }
}
