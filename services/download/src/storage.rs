//! Reading files beneath a root, and nowhere else.
//!
//! Locations come from the catalogue and are not trusted: the directory handle opens nothing outside of it, whatever
//! the location or the links in it say. Links that stay beneath the root are followed.

use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::sync::Arc;

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use service_kit::config::StorageConfig;
use service_kit::{Blocking, BuildError, Pools, Problem};

/// One read call; large enough that the pool's overhead does not count.
pub const READ_SIZE: usize = 256 * 1024;

/// A directory of data files with its own bounded pool. Cheap to clone.
#[derive(Clone)]
pub struct Storage {
    root: Arc<Dir>,
    pool: Blocking,
}

/// A file that is open for reading.
#[derive(Debug, Clone)]
pub struct Opened {
    file: Arc<File>,
    pub identity: Identity,
}

/// What makes a file's bytes what they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    pub size: u64,
    /// Seconds since 1970 UTC, and nanoseconds within.
    pub modified: (i64, i64),
    pub device: u64,
    pub inode: u64,
}

impl Storage {
    pub fn open(name: &str, settings: &StorageConfig, pools: &Pools) -> Result<Self, BuildError> {
        let path = settings.directory(name)?;
        let root = Dir::open_ambient_dir(&path, ambient_authority())
            .map_err(|e| BuildError::Other(format!("storage.{name}: cannot open {}: {e}", path.display())))?;
        let pool = pools.open(&format!("storage.{name}"), settings.threads, settings.queue);
        Ok(Self { root: Arc::new(root), pool })
    }

    /// Opens files in the pool; the first that cannot be opened is named by its place.
    pub async fn open_all(&self, locations: Vec<String>) -> Result<Result<Vec<Opened>, (usize, io::Error)>, Problem> {
        let root = Arc::clone(&self.root);
        self.pool
            .run(move || {
                let open = |(at, location): (usize, &String)| open(&root, location).map_err(|e| (at, e));
                locations.iter().enumerate().map(open).collect()
            })
            .await
    }

    /// Stats files without keeping them open.
    pub async fn identify_all(
        &self,
        locations: Vec<String>,
    ) -> Result<Result<Vec<Identity>, (usize, io::Error)>, Problem> {
        let root = Arc::clone(&self.root);
        self.pool
            .run(move || {
                let identify = |(at, location): (usize, &String)| identify(&root, location).map_err(|e| (at, e));
                locations.iter().enumerate().map(identify).collect()
            })
            .await
    }

    /// Reads exactly `length` bytes from `offset`; a file that has become shorter is an error.
    pub async fn read(&self, opened: &Opened, offset: u64, length: usize) -> Result<io::Result<Vec<u8>>, Problem> {
        let file = Arc::clone(&opened.file);
        self.pool
            .run(move || {
                let mut buffer = vec![0; length];
                file.read_exact_at(&mut buffer, offset)?;
                Ok(buffer)
            })
            .await
    }
}

/// A location in the catalogue's form: relative, forward slashes, no tricks.
pub fn is_plain(location: &str) -> bool {
    !location.is_empty()
        && !location.contains('\0')
        && location.split('/').all(|part| !part.is_empty() && part != "." && part != "..")
}

fn identify(root: &Dir, location: &str) -> io::Result<Identity> {
    use cap_std::fs::MetadataExt as _;

    if !is_plain(location) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the location is not a plain relative path"));
    }
    // Looked at before it is opened, because opening a pipe would wait for a writer.
    let metadata = root.metadata(location)?;
    if !metadata.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the location is no regular file"));
    }
    Ok(Identity {
        size: metadata.len(),
        modified: (metadata.mtime(), metadata.mtime_nsec()),
        device: metadata.dev(),
        inode: metadata.ino(),
    })
}

fn open(root: &Dir, location: &str) -> io::Result<Opened> {
    identify(root, location)?;
    let file = root.open(location)?.into_std();
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the location is no regular file"));
    }
    let identity = Identity {
        size: metadata.len(),
        modified: (metadata.mtime(), metadata.mtime_nsec()),
        device: metadata.dev(),
        inode: metadata.ino(),
    };
    Ok(Opened { file: Arc::new(file), identity })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    /// The control is that the same secret can be read by its plain path within the root.
    #[test]
    fn nothing_outside_of_the_root_can_be_opened() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("root");
        std::fs::create_dir_all(root.join("sub")).unwrap();
        std::fs::write(root.join("sub/inside"), "inside").unwrap();
        std::fs::write(dir.path().join("secret"), "secret").unwrap();
        symlink("../secret", root.join("up")).unwrap();
        symlink(dir.path().join("secret"), root.join("absolute")).unwrap();
        symlink("..", root.join("sub/parent")).unwrap();
        symlink("sub/inside", root.join("link")).unwrap();
        let handle = Dir::open_ambient_dir(&root, ambient_authority()).unwrap();
        assert_eq!(open(&handle, "sub/inside").unwrap().identity.size, 6);
        assert_eq!(open(&handle, "link").unwrap().identity.size, 6, "links beneath the root are followed");
        let absolute = dir.path().join("secret");
        for refused in [
            "up",
            "absolute",
            "../secret",
            "sub/../../secret",
            "sub/parent/../../secret",
            "",
            ".",
            "sub",
            "sub/",
            "//etc/passwd",
            "/etc/passwd",
            "sub/inside\0",
            "nothing",
            absolute.to_str().unwrap(),
        ] {
            assert!(open(&handle, refused).is_err(), "{refused:?}");
        }
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(10_000))]
        #[test]
        fn arbitrary_locations_are_refused_or_stay_inside(location in "(\\.\\.|/|[a-c]|\\.|\\\\|\0|é){0,12}") {
            let plain = is_plain(&location);
            let joined = std::path::Path::new("/root").join(&location);
            let climbs = joined.components().any(|c| c == std::path::Component::ParentDir);
            if plain {
                proptest::prop_assert!(!climbs && joined.starts_with("/root") && !location.contains('\0'));
            }
        }
    }
}
