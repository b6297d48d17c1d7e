//! Reads one file of a manifest. Its identity is checked when it is opened and after every read, so that bytes of another
//! version are never sent.

use std::io;

use rustix::buffer::spare_capacity;
use rustix::io::{Errno, pread};

use crate::domain::file_identity::FileIdentity;
use crate::manifest::Manifest;
use crate::storage::{self, OpenFile, StorageRoot};

/// Why a transfer cannot continue.
#[derive(Debug)]
pub enum ReadError {
    /// The file has changed since the manifest was created.
    Changed(usize),
    /// The file has another checksum than the known one, so it was changed without a change of its times.
    ChecksumMismatch { member: usize, crc: u32 },
    /// The file cannot be read now.
    Unreadable(usize, io::Error),
    /// A checksum is needed that is not known.
    ChecksumUnknown(usize),
}

/// The file behind a member.
#[derive(Debug)]
pub struct MemberReader {
    pub member: usize,
    opened: OpenFile,
}

/// Compares the identity of a file without opening it; for empty files, of which nothing is read.
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
            // Uninitialized memory: clearing it would take nearly as long as the read.
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
