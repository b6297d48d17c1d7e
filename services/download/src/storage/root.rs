//! The root directory of a storage. Files are opened beneath it, and never below `data_dir`.
//!
//! Locations come from the catalogue, which users may write. A directory handle keeps them beneath the root, links
//! included. `data_dir` contains the databases and signing keys of the suite. Every directory on the way to a location is
//! compared with it by device and inode, up to the root of the file system, so that links, bind mounts and directories that
//! are moved later make no difference.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use cap_std::ambient_authority;
use cap_std::fs::{Dir, Metadata};
use rustix::fs::{Access, AtFlags, Mode, OFlags, accessat, openat, stat, statat};
use rustix::io::Errno;

/// How many levels the directories of a file system may have.
const MAX_DEPTH: usize = 4096;

/// The root directory of a storage.
#[derive(Debug)]
pub struct StorageRoot {
    directory: Dir,
    /// `data_dir`; looked up at every check, because it may be created or moved later.
    private: PathBuf,
}

/// A name in a directory that may be used.
pub struct DirectoryEntry {
    pub directory: Rc<Dir>,
    pub name: PathBuf,
}

/// Looks up files one after the other. Consecutive files of one directory cost one check of that directory.
pub struct FileLookup<'r> {
    root: &'r StorageRoot,
    last: Option<(PathBuf, Rc<Dir>)>,
}

/// Whether a location is a relative path with forward slashes and without empty, `.` or `..` segments.
pub fn is_plain_path(location: &str) -> bool {
    !location.is_empty()
        && !location.contains('\0')
        && location.split('/').all(|part| !part.is_empty() && part != "." && part != "..")
}

/// The error of a location that no file of a storage can have.
fn invalid_location(why: &'static str) -> io::Error {
    io::Error::new(ErrorKind::InvalidInput, why)
}

impl StorageRoot {
    pub fn open(path: &Path, private: &Path) -> io::Result<Self> {
        let directory = Dir::open_ambient_dir(path, ambient_authority())?;
        Ok(Self { directory, private: private.to_owned() })
    }

    pub fn start_lookup(&self) -> FileLookup<'_> {
        FileLookup { root: self, last: None }
    }

    /// Opens a directory beneath the root; the empty path is the root.
    pub fn open_directory(&self, path: &Path) -> io::Result<Dir> {
        let directory =
            if path.as_os_str().is_empty() { self.directory.try_clone()? } else { self.directory.open_dir(path)? };
        self.require_public(&directory)?;
        Ok(directory)
    }

    /// The same; creates the directory and its parents if they are missing.
    pub fn create_directory(&self, path: &Path) -> io::Result<Dir> {
        for above in path.ancestors() {
            match self.open_directory(above) {
                Err(e) if e.kind() == ErrorKind::NotFound => {}
                Err(e) => return Err(e),
                Ok(_) => break,
            }
        }
        self.directory.create_dir_all(path)?;
        self.open_directory(path)
    }

    /// The directory entry of a location, whether it exists or not. A link is not followed.
    pub fn locate_entry(&self, location: &str) -> io::Result<DirectoryEntry> {
        let (above, name) = split_location(location)?;
        Ok(DirectoryEntry { directory: Rc::new(self.open_directory(above)?), name: name.to_owned() })
    }

    /// Removes a directory if it is empty; true if it was removed.
    pub fn remove_empty_directory(&self, path: &Path) -> bool {
        self.directory.remove_dir(path).is_ok()
    }

    /// Opens a directory so that it can be flushed.
    pub fn open_for_sync(&self, path: &Path) -> io::Result<File> {
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        Ok(self.directory.open(path)?.into_std())
    }

    /// Refuses a directory that is `data_dir` or lies below it.
    fn require_public(&self, directory: &Dir) -> io::Result<()> {
        let private = match stat(&self.private) {
            Ok(found) => (found.st_dev, found.st_ino),
            Err(Errno::NOENT) => return Ok(()),
            Err(e) => return Err(e.into()),
        };
        let (mut path, mut below) = (String::from("."), None);
        for _ in 0..MAX_DEPTH {
            let found = statat(directory, &path, AtFlags::empty())?;
            let found = (found.st_dev, found.st_ino);
            if found == private {
                return Err(invalid_location("the location lies below data_dir"));
            }
            // The parent of the topmost directory is that directory.
            if below == Some(found) {
                return Ok(());
            }
            below = Some(found);
            path.push_str("/..");
        }
        Err(io::Error::other("the location has too many parent directories"))
    }
}

impl FileLookup<'_> {
    /// Finds a regular file; follows links that stay beneath the root.
    pub fn find_file(&mut self, location: &str) -> io::Result<(DirectoryEntry, Metadata)> {
        let (above, name) = split_location(location)?;
        let found = self.find_entry(above, name)?;
        let (place, metadata) = if found.1.is_symlink() {
            let target = self.root.directory.canonicalize(location)?;
            let (Some(above), Some(name)) = (target.parent(), target.file_name()) else {
                return Err(invalid_location("the location is not a regular file"));
            };
            self.find_entry(above, Path::new(name))?
        } else {
            found
        };
        if !metadata.is_file() {
            return Err(invalid_location("the location is not a regular file"));
        }
        Ok((place, metadata))
    }

    fn find_entry(&mut self, above: &Path, name: &Path) -> io::Result<(DirectoryEntry, Metadata)> {
        let known = self.last.take().filter(|(path, _)| path == above);
        let directory = match known {
            Some((_, directory)) => directory,
            None => Rc::new(self.root.open_directory(above)?),
        };
        let metadata = directory.symlink_metadata(name);
        self.last = Some((above.to_owned(), Rc::clone(&directory)));
        Ok((DirectoryEntry { directory, name: name.to_owned() }, metadata?))
    }
}

impl DirectoryEntry {
    /// An error unless this process may read the file.
    pub fn require_readable(&self) -> io::Result<()> {
        match accessat(&*self.directory, &self.name, Access::READ_OK, AtFlags::EACCESS) {
            // Some file systems and kernels cannot answer; opening the file will tell.
            Ok(()) | Err(Errno::NOSYS | Errno::OPNOTSUPP | Errno::INVAL) => Ok(()),
            Err(e) => Err(e.into()),
        }
    }

    /// Opens a file that was found to be regular before: opening a pipe would wait for a writer. Links are refused.
    pub fn open_file(&self) -> io::Result<File> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(openat(&*self.directory, &self.name, flags, Mode::empty())?.into())
    }
}

/// Splits a location into directory and name.
fn split_location(location: &str) -> io::Result<(&Path, &Path)> {
    if !is_plain_path(location) {
        return Err(invalid_location("the location is not a plain relative path"));
    }
    let (above, name) = location.rsplit_once('/').unwrap_or(("", location));
    Ok((Path::new(above), Path::new(name)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    use crate::storage::{NewFile, identify_file, open_file, remove_file};

    const KEY: &str = "data/auth/keys/1.pem";

    /// A storage that contains a file, and `data_dir` with a key and a database.
    fn create_nested_storage() -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("root");
        for (path, text) in [("scan/a.h5", "data"), (KEY, "key"), ("data/auth.db", "rows"), ("database/b.h5", "data")] {
            std::fs::create_dir_all(root.join(path).parent().unwrap()).unwrap();
            std::fs::write(root.join(path), text).unwrap();
        }
        (dir, root)
    }

    fn require_refused(root: &StorageRoot, locations: &[&str]) {
        for location in locations {
            for outcome in [
                identify_file(root, location).map(drop),
                open_file(root, location).map(drop),
                remove_file(root, location),
            ] {
                assert_eq!(outcome.unwrap_err().kind(), ErrorKind::InvalidInput, "{location}");
            }
            let written = NewFile::create(root, &format!("{location}.new")).map(drop);
            assert_eq!(written.unwrap_err().kind(), ErrorKind::InvalidInput, "{location}");
        }
    }

    #[test]
    fn nothing_below_data_dir_is_opened_written_or_removed_whatever_leads_there() {
        let (_dir, path) = create_nested_storage();
        symlink("data", path.join("link")).unwrap();
        symlink("../data/auth", path.join("scan/up")).unwrap();
        symlink("data/auth.db", path.join("file")).unwrap();
        symlink("link/auth.db", path.join("scan/../chain")).unwrap();
        let control = StorageRoot::open(&path, Path::new("/nowhere")).unwrap();
        for readable in [KEY, "data/auth.db", "link/auth.db", "scan/up/keys/1.pem", "file", "chain"] {
            assert!(open_file(&control, readable).is_ok(), "the control: {readable} is there");
        }
        let elsewhere = tempfile::tempdir().unwrap();
        symlink(path.join("data"), elsewhere.path().join("named")).unwrap();
        for private in [path.join("data"), path.join("scan/../data"), path.join("link"), elsewhere.path().join("named")]
        {
            let root = StorageRoot::open(&path, &private).unwrap();
            require_refused(&root, &[KEY, "data/auth.db", "link/auth.db", "scan/up/keys/1.pem"]);
            for link in ["file", "chain"] {
                assert_eq!(open_file(&root, link).unwrap_err().kind(), ErrorKind::InvalidInput, "{link}");
            }
            for public in ["scan/a.h5", "database/b.h5"] {
                assert!(open_file(&root, public).is_ok(), "{public} is no part of it");
            }
            assert!(NewFile::create(&root, "data/new/file.part").is_err() && !path.join("data/new").exists());
            assert!(path.join(KEY).exists() && path.join("data/auth.db").exists());
        }
    }

    #[test]
    fn a_storage_below_data_dir_is_refused() {
        let (_dir, path) = create_nested_storage();
        for (root, private) in [(path.join("data"), path.clone()), (path.clone(), path.clone())] {
            let root = StorageRoot::open(&root, &private).unwrap();
            require_refused(&root, &["auth.db"]);
            assert_eq!(NewFile::create(&root, "new/x").err().unwrap().kind(), ErrorKind::InvalidInput);
        }
        assert!(!path.join("data/new").exists() && path.join("data/auth.db").exists());
    }

    #[test]
    fn a_data_dir_that_is_created_or_moved_later_is_protected_too() {
        let (dir, path) = create_nested_storage();
        let private = dir.path().join("private");
        let root = StorageRoot::open(&path, &private).unwrap();
        assert!(open_file(&root, "data/auth.db").is_ok(), "the control");
        symlink(path.join("data"), &private).unwrap();
        require_refused(&root, &["data/auth.db"]);
        std::fs::remove_file(&private).unwrap();
        std::fs::create_dir(&private).unwrap();
        std::fs::write(private.join("auth.db"), "rows").unwrap();
        std::fs::rename(&private, path.join("moved")).unwrap();
        symlink(path.join("moved"), &private).unwrap();
        require_refused(&root, &["moved/auth.db"]);
        assert!(open_file(&root, "data/auth.db").is_ok());
    }

    #[test]
    fn one_lookup_finds_many_files() {
        let (_dir, path) = create_nested_storage();
        std::fs::write(path.join("scan/b.h5"), "longer").unwrap();
        symlink("../database/b.h5", path.join("scan/c.h5")).unwrap();
        let root = StorageRoot::open(&path, &path.join("data")).unwrap();
        let mut lookup = root.start_lookup();
        let all = ["scan/a.h5", "scan/none", "scan/b.h5", "data/auth.db", "scan/c.h5", "scan/a.h5", "database/b.h5"];
        let found = all.map(|location| lookup.find_file(location).ok().map(|(_, metadata)| metadata.len()));
        assert_eq!(found, [Some(4), None, Some(6), None, Some(4), Some(4), Some(4)]);
    }
}
