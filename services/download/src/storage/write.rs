//! New files: written under a temporary name beside their place, flushed, and then given their name, so that a location
//! either has the whole file or none.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;

use cap_std::fs::Dir;
use crc32fast::Hasher;

use super::Identity;

const TEMPORARY: &str = ".part";

/// Where a file is written before it is whole.
pub fn temporary(location: &str) -> String {
    format!("{location}{TEMPORARY}")
}

/// A file that is being written.
pub struct Writing {
    file: File,
    crc: Hasher,
    size: u64,
}

/// A file that is in its place.
#[derive(Debug, Clone, Copy)]
pub struct Written {
    pub crc: u32,
    pub identity: Identity,
}

impl Writing {
    /// Makes the file, and the directories above it.
    pub fn begin(root: &Dir, temporary: &str) -> io::Result<Self> {
        if let Some(above) = Path::new(temporary).parent() {
            root.create_dir_all(above)?;
        }
        let mut options = cap_std::fs::OpenOptions::new();
        let file = root.open_with(temporary, options.write(true).create_new(true))?.into_std();
        Ok(Self { file, crc: Hasher::new(), size: 0 })
    }

    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.crc.update(bytes);
        self.size += bytes.len() as u64;
        Ok(())
    }

    /// Everything is on disk, the name too, when this returns.
    pub fn finish(self, root: &Dir, temporary: &str, location: &str) -> io::Result<Written> {
        self.file.sync_all()?;
        root.rename(temporary, root, location)?;
        for directory in Path::new(location).ancestors().skip(1) {
            let directory = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
            // Opened as a file: a handle that only names a directory cannot be flushed.
            root.open(directory)?.sync_all()?;
        }
        let identity = Identity::of_std(&self.file.metadata()?);
        if identity.size != self.size {
            return Err(io::Error::other("the file is not as long as what was written"));
        }
        Ok(Written { crc: self.crc.finalize(), identity })
    }
}

/// Removes a file, and the two directories above it if it was the last one there; one that is not there is as good.
pub fn remove(root: &Dir, location: &str) -> io::Result<()> {
    match root.remove_file(location) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    for directory in Path::new(location).ancestors().skip(1).filter(|directory| !directory.as_os_str().is_empty()) {
        // Refused while something is in it, which is the point.
        if root.remove_dir(directory).is_err() {
            break;
        }
    }
    Ok(())
}
