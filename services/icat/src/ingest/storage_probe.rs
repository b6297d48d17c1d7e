//! What the storages say about a file: whether it is there, is gone, or may be on a disk that is not mounted.

use std::fs::{self, Metadata};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};

use super::scan::Tree;
use super::{IngestError, LeftOut, Options};

/// The storage that is ingested from, and the other ones, whose files the catalogue does not tell apart from its own.
pub struct StorageProbe<'t> {
    pub tree: &'t Tree,
    other_roots: &'t [PathBuf],
    /// The root and the directory as they were scanned.
    mounted: Vec<(&'t Path, DirectoryIdentity)>,
}

/// The device and number of a directory: another one is there when something is mounted on it or not any more.
type DirectoryIdentity = (u64, u64);

#[derive(Debug, PartialEq, Eq)]
pub enum FileState {
    /// It is there, or what is there cannot be looked at.
    There,
    /// Another storage has it.
    Elsewhere,
    Gone,
    /// Nothing is there but this directory, which is empty or cannot be read: where a disk is mounted that is missing.
    Unmounted(PathBuf),
}

impl<'t> StorageProbe<'t> {
    /// Refuses to forget files where the storage looks as if it were not mounted.
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
            if found == FileState::There {
                break;
            }
            match find_below(root, location) {
                FileState::There => return FileState::Elsewhere,
                FileState::Unmounted(directory) => found = FileState::Unmounted(directory),
                FileState::Gone | FileState::Elsewhere => {}
            }
        }
        found
    }

    /// Why nothing may be forgotten any more: the directory is not the one that was scanned.
    pub fn find_unmounted(&self) -> Option<LeftOut> {
        let is_same = |(path, scanned): &&(&Path, DirectoryIdentity)| {
            fs::metadata(path).is_ok_and(|now| directory_identity(&now) == *scanned)
                && is_empty(path).is_ok_and(|empty| !empty)
        };
        let (path, _) = self.mounted.iter().find(|mounted| !is_same(mounted))?;
        let reason = "is not what it was when it was scanned: is it mounted? Files that are gone stay in the catalogue";
        Some(LeftOut { path: path.display().to_string(), reason: reason.to_owned() })
    }

    /// The same where a file is gone that was scanned.
    pub fn find_vanished(&self) -> Option<LeftOut> {
        let mut scanned = self.tree.datasets.iter().flat_map(|dataset| &dataset.files);
        let vanished = scanned.find(|file| fs::symlink_metadata(&file.path).is_err_and(|e| is_absence(&e)))?;
        let reason = "was there when the directory was scanned and is not any more: does the storage go away? Files that are \
                      gone stay in the catalogue";
        Some(LeftOut { path: vanished.path.display().to_string(), reason: reason.to_owned() })
    }

    /// Whether something else is mounted on a directory than on the root.
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
    find_below(root, location) == FileState::There
}

/// Walks down from a root. What lies behind a link, or is not named as a path below the root, is not said to be gone.
fn find_below(root: &Path, location: &str) -> FileState {
    if location.contains("://") {
        return FileState::There;
    }
    let mut here = root.to_owned();
    let mut parts = Path::new(location.trim_matches('/')).components().peekable();
    while let Some(part) = parts.next() {
        let Component::Normal(name) = part else { return FileState::There };
        let next = here.join(name);
        match fs::symlink_metadata(&next) {
            Ok(found) if found.is_dir() && parts.peek().is_some() => here = next,
            Ok(found) if found.is_file() && parts.peek().is_some() => return FileState::Gone,
            Err(e) if is_absence(&e) && is_empty(&here).is_ok_and(|empty| !empty) => return FileState::Gone,
            Err(e) if is_absence(&e) => return FileState::Unmounted(here),
            Ok(_) | Err(_) => return FileState::There,
        }
    }
    FileState::There
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
            ("full/a", FileState::There),
            ("/full/a", FileState::There),
            ("full/b", FileState::Gone),
            ("missing/b", FileState::Gone),
            ("file/b", FileState::Gone),
            ("link/b", FileState::There),
            ("dangling", FileState::There),
            ("dangling/b", FileState::There),
            ("empty/b", FileState::Unmounted(root.join("empty"))),
            ("sub/empty/deep/b", FileState::Unmounted(root.join("sub/empty"))),
            ("full/../full/b", FileState::There),
            ("s3://bucket/b", FileState::There),
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
