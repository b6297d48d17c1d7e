//! New files: written under a temporary name in the same directory, flushed and then renamed, so that a location has either
//! the whole file or none.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, ErrorKind, Write as _};
use std::path::Path;

use cap_std::fs::Dir;
use crc32fast::Hasher;

use super::StorageRoot;
use crate::domain::file_identity::FileIdentity;

const TEMPORARY_SUFFIX: &str = ".part";

/// The temporary location of a file.
pub fn temporary_location(location: &str) -> String {
    format!("{location}{TEMPORARY_SUFFIX}")
}

/// A file that is being written.
pub struct NewFile {
    directory: Dir,
    file: File,
    crc: Hasher,
    size: u64,
}

/// A file that is complete and has its name.
#[derive(Debug, Clone, Copy)]
pub struct StoredFile {
    pub crc: u32,
    pub identity: FileIdentity,
}

impl NewFile {
    /// Creates the file and its parent directories.
    pub fn create(root: &StorageRoot, temporary: &str) -> io::Result<Self> {
        let path = Path::new(temporary);
        let directory = root.create_directory(path.parent().unwrap_or(Path::new("")))?;
        let mut options = cap_std::fs::OpenOptions::new();
        let file = directory.open_with(file_name(path)?, options.write(true).create_new(true))?.into_std();
        Ok(Self { directory, file, crc: Hasher::new(), size: 0 })
    }

    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.crc.update(bytes);
        self.size += bytes.len() as u64;
        Ok(())
    }

    /// Flushes the file and gives it its name; both are on disk when this returns. An existing file is not replaced.
    pub fn commit(self, root: &StorageRoot, temporary: &str, location: &str) -> io::Result<StoredFile> {
        self.file.sync_all()?;
        let (from, to) = (file_name(Path::new(temporary))?, file_name(Path::new(location))?);
        match self.directory.symlink_metadata(to) {
            Err(e) if e.kind() == ErrorKind::NotFound => {}
            Err(e) => return Err(e),
            Ok(_) => {
                return Err(io::Error::new(
                    ErrorKind::AlreadyExists,
                    "the location of the upload is taken by another file",
                ));
            }
        }
        self.directory.rename(from, &self.directory, to)?;
        for directory in Path::new(location).ancestors().skip(1) {
            root.open_for_sync(directory)?.sync_all()?;
        }
        let identity = FileIdentity::from_std_metadata(&self.file.metadata()?);
        if identity.size != self.size {
            return Err(io::Error::other("the size of the file differs from the bytes written"));
        }
        Ok(StoredFile { crc: self.crc.finalize(), identity })
    }
}

fn file_name(path: &Path) -> io::Result<&OsStr> {
    path.file_name().ok_or_else(|| io::Error::new(ErrorKind::InvalidInput, "the location has no file name"))
}

/// Removes a file, and the directories above it that become empty. A missing file is not an error.
pub fn remove_file(root: &StorageRoot, location: &str) -> io::Result<()> {
    let removed = root.locate_entry(location).and_then(|place| place.directory.remove_file(&place.name));
    match removed {
        Err(e) if e.kind() != ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    // A directory that is not empty cannot be removed, which ends the loop.
    let _removed = Path::new(location)
        .ancestors()
        .skip(1)
        .filter(|directory| !directory.as_os_str().is_empty())
        .all(|directory| root.remove_empty_directory(directory));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_existing_file_is_never_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let root = StorageRoot::open(dir.path(), Path::new("/nowhere")).unwrap();
        let mut writing = NewFile::create(&root, "1/4/new.part").unwrap();
        writing.write(b"new").unwrap();
        std::fs::write(dir.path().join("1/4/new"), "old").unwrap();
        assert_eq!(writing.commit(&root, "1/4/new.part", "1/4/new").unwrap_err().kind(), ErrorKind::AlreadyExists);
        assert_eq!(std::fs::read(dir.path().join("1/4/new")).unwrap(), b"old");
        assert_eq!(NewFile::create(&root, "1/4/new").err().unwrap().kind(), ErrorKind::AlreadyExists);
    }
}
