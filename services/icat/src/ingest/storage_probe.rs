//! Checks whether a file is in a storage, is gone, or may be on a disk that is not mounted.

use std::fs::{self, Metadata};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};

use super::scan::Tree;
use super::{IngestError, LeftOut, Options};

/// The ingested storage and the other storages. A location in the catalogue does not say which storage it is in.
pub struct StorageProbe<'t> {
    pub tree: &'t Tree,
    other_roots: &'t [PathBuf],
    /// The root and the directory, with their identities when they were scanned.
    mounted: Vec<(&'t Path, DirectoryIdentity)>,
}

/// The device and inode of a directory; it changes when something is mounted on it or unmounted.
type DirectoryIdentity = (u64, u64);

#[derive(Debug, PartialEq, Eq)]
pub enum FileState {
    /// The file exists, or it cannot be determined.
    Present,
    /// Another storage has the file.
    InOtherStorage,
    Gone,
    /// The path ends at this directory, which is empty or cannot be read: a disk may not be mounted there.
    Unmounted(PathBuf),
}

impl<'t> StorageProbe<'t> {
    /// Fails if files are to be forgotten and the storage seems not to be mounted.
    pub fn open(tree: &'t Tree, options: &'t Options) -> Result<Self, IngestError> {
        let mut mounted = Vec::new();
        for path in [tree.root.as_path(), tree.directory.as_path()] {
            let read = |source| IngestError::Read { path: path.display().to_string(), source };
            mounted.push((path, directory_identity(&fs::metadata(path).map_err(read)?)));
            if options.forget_gone && is_empty(path).map_err(read)? {
                return Err(IngestError::Usage(format!(
                    "{} is empty: is it mounted? --forget-gone removes nothing from the catalogue while nothing is on disk",
                    path.display()
                )));
            }
        }
        Ok(Self { tree, other_roots: &options.other_storages, mounted })
    }

    pub fn find_file(&self, location: &str) -> FileState {
        let mut found = find_below(&self.tree.root, location);
        for root in self.other_roots {
            if found == FileState::Present {
                break;
            }
            match find_below(root, location) {
                FileState::Present => return FileState::InOtherStorage,
                FileState::Unmounted(directory) => found = FileState::Unmounted(directory),
                FileState::Gone | FileState::InOtherStorage => {}
            }
        }
        found
    }

    /// Why no more files may be forgotten: the directory is not the one that was scanned.
    pub fn find_unmounted(&self) -> Option<LeftOut> {
        let is_same = |(path, scanned): &&(&Path, DirectoryIdentity)| {
            fs::metadata(path).is_ok_and(|now| directory_identity(&now) == *scanned)
                && is_empty(path).is_ok_and(|empty| !empty)
        };
        let (path, _) = self.mounted.iter().find(|mounted| !is_same(mounted))?;
        let reason = "is not what it was when it was scanned: is it mounted? Files that are gone stay in the catalogue";
        Some(LeftOut { path: path.display().to_string(), reason: reason.to_owned() })
    }

    /// Why no files may be forgotten: a file that was scanned is gone.
    pub fn find_vanished(&self) -> Option<LeftOut> {
        let mut scanned = self.tree.datasets.iter().flat_map(|dataset| &dataset.files);
        let vanished = scanned.find(|file| fs::symlink_metadata(&file.path).is_err_and(|e| is_absence(&e)))?;
        let reason = "was there when the directory was scanned and is not any more: does the storage go away? Files that are \
                      gone stay in the catalogue";
        Some(LeftOut { path: vanished.path.display().to_string(), reason: reason.to_owned() })
    }

    /// Whether a directory is on another device than the root.
    pub fn is_mount_of_its_own(&self, directory: &str) -> bool {
        let device = |path: &Path| fs::symlink_metadata(path).map(|found| found.dev()).ok();
        let here = device(&self.tree.root.join(directory));
        here.is_some() && here != device(&self.tree.root)
    }
}

fn directory_identity(found: &Metadata) -> DirectoryIdentity {
    (found.dev(), found.ino())
}

fn is_empty(path: &Path) -> Result<bool, std::io::Error> {
    fs::read_dir(path)?.next().transpose().map(|first| first.is_none())
}

fn is_absence(e: &std::io::Error) -> bool {
    matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

pub fn is_there(root: &Path, location: &str) -> bool {
    find_below(root, location) == FileState::Present
}

/// Looks for a location below a root. Paths behind a symbolic link, or that leave the root, never count as gone.
fn find_below(root: &Path, location: &str) -> FileState {
    if location.contains("://") {
        return FileState::Present;
    }
    let mut here = root.to_owned();
    let mut parts = Path::new(location.trim_matches('/')).components().peekable();
    while let Some(part) = parts.next() {
        let Component::Normal(name) = part else { return FileState::Present };
        let next = here.join(name);
        match fs::symlink_metadata(&next) {
            Ok(found) if found.is_dir() && parts.peek().is_some() => here = next,
            Ok(found) if found.is_file() && parts.peek().is_some() => return FileState::Gone,
            Err(e) if is_absence(&e) && is_empty(&here).is_ok_and(|empty| !empty) => return FileState::Gone,
            Err(e) if is_absence(&e) => return FileState::Unmounted(here),
            Ok(_) | Err(_) => return FileState::Present,
        }
    }
    FileState::Present
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn what_cannot_be_looked_at_is_not_gone() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        for directory in ["full", "empty", "sub/empty"] {
            fs::create_dir_all(root.join(directory)).unwrap();
        }
        for file in ["full/a", "file"] {
            fs::write(root.join(file), "x").unwrap();
        }
        symlink(root.join("full"), root.join("link")).unwrap();
        symlink(root.join("nowhere"), root.join("dangling")).unwrap();
        for (location, expected) in [
            ("full/a", FileState::Present),
            ("/full/a", FileState::Present),
            ("full/b", FileState::Gone),
            ("missing/b", FileState::Gone),
            ("file/b", FileState::Gone),
            ("link/b", FileState::Present),
            ("dangling", FileState::Present),
            ("dangling/b", FileState::Present),
            ("empty/b", FileState::Unmounted(root.join("empty"))),
            ("sub/empty/deep/b", FileState::Unmounted(root.join("sub/empty"))),
            ("full/../full/b", FileState::Present),
            ("s3://bucket/b", FileState::Present),
        ] {
            assert_eq!(find_below(root, location), expected, "{location}");
        }
        let missing = root.join("missing");
        assert_eq!(
            find_below(&missing, "full/a"),
            FileState::Unmounted(missing.clone()),
            "a storage that is not mounted"
        );
    }
}
