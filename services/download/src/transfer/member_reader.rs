//! One file of a manifest being read: checked when it is opened and after every read, so that bytes of another
//! generation never leave the house.

use std::io;

use rustix::buffer::spare_capacity;
use rustix::io::{Errno, pread};

use crate::manifest::Manifest;
use crate::domain::file_identity::Identity;
use crate::storage::{self, Opened, Root};

/// Why a transfer cannot go on.
#[derive(Debug)]
pub enum Broken {
    /// The file is not the one that was frozen.
    Changed(usize),
    /// The file has another checksum than was known, so it was changed behind the back of its times.
    Differs { member: usize, crc: u32 },
    /// It cannot be read now.
    Unreadable(usize, io::Error),
    /// A checksum is wanted that nobody knows.
    Unknown(usize),
}

/// The file behind a member.
#[derive(Debug)]
pub struct Reading {
    pub member: usize,
    opened: Opened,
}

/// Compares without opening; for files without bytes, of which nothing is read.
pub fn look(root: &Root, manifest: &Manifest, member: usize) -> Result<(), Broken> {
    let source = &manifest.sources[member];
    let found = storage::identify(root, &source.location).map_err(|e| Broken::Unreadable(member, e))?;
    compare(member, &source.identity, &found)
}

fn compare(member: usize, frozen: &Identity, found: &Identity) -> Result<(), Broken> {
    if frozen == found { Ok(()) } else { Err(Broken::Changed(member)) }
}

impl Reading {
    pub fn open(root: &Root, manifest: &Manifest, member: usize) -> Result<Self, Broken> {
        let source = &manifest.sources[member];
        let opened = storage::open(root, &source.location).map_err(|e| Broken::Unreadable(member, e))?;
        compare(member, &source.identity, &opened.identity)?;
        Ok(Self { member, opened })
    }

    /// Appends `length` bytes from `offset`.
    pub fn read(&self, offset: u64, length: usize, out: &mut Vec<u8>) -> Result<(), Broken> {
        let (start, end) = (out.len(), out.len() + length);
        out.reserve(length);
        while out.len() < end {
            let at = offset + (out.len() - start) as u64;
            // Into memory as it is: clearing it first would take nearly as long as the reading.
            match pread(&self.opened.file, spare_capacity(out), at) {
                Ok(0) => return Err(Broken::Changed(self.member)),
                Ok(_) | Err(Errno::INTR) => {}
                Err(e) => return Err(Broken::Unreadable(self.member, e.into())),
            }
        }
        out.truncate(end);
        let now = self.opened.file.metadata().map_err(|e| Broken::Unreadable(self.member, e))?;
        compare(self.member, &self.opened.identity, &Identity::of_std(&now))
    }
}
