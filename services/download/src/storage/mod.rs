//! Reading files beneath a root, and nowhere else.
//!
//! Locations come from the catalogue and are not trusted: the directory handle opens nothing outside of it, whatever
//! the location or the links in it say. Links that stay beneath the root are followed.

mod identity;
mod write;

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use service_kit::config::StorageConfig;
use service_kit::{Blocking, BuildError, Pools, Problem};

pub use self::identity::Identity;
pub use self::write::{Writing, Written, remove, temporary};

/// How long a request waits for a place in a full pool. A storage that is well has looked at a thousand files by then.
const PATIENCE: Duration = Duration::from_secs(2);
/// Locations that are looked at in one call of the pool.
const PER_CALL: usize = 1000;

/// A directory of data files with its own bounded pool. Cheap to clone.
#[derive(Clone)]
pub struct Storage {
    root: Arc<Dir>,
    pool: Blocking,
    pub read_only: bool,
}

/// A file that is open for reading.
#[derive(Debug)]
pub struct Opened {
    pub file: File,
    pub identity: Identity,
}

impl Storage {
    pub fn open(name: &str, settings: &StorageConfig, pools: &Pools) -> Result<Self, BuildError> {
        let path = settings.directory(name)?;
        let root = Dir::open_ambient_dir(&path, ambient_authority())
            .map_err(|e| BuildError::Other(format!("storage.{name}: cannot open {}: {e}", path.display())))?;
        let pool = pools.open(&format!("storage.{name}"), settings.threads, settings.queue);
        Ok(Self { root: Arc::new(root), pool, read_only: settings.read_only })
    }

    /// Calls something that blocks, with the root; refused when the pool is full and stays so.
    pub async fn run<T: Send + 'static>(&self, work: impl FnOnce(&Dir) -> T + Send + 'static) -> Result<T, Problem> {
        let root = Arc::clone(&self.root);
        self.pool.run_within(PATIENCE, move || work(&root)).await
    }

    /// The same for an answer that has begun: it waits for its turn.
    pub async fn run_in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Dir) -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let root = Arc::clone(&self.root);
        self.pool.run_in_turn(move || work(&root)).await
    }

    /// The same directory through another pool, for work that takes the processor besides the disk.
    pub fn with_pool(&self, pool: &Blocking) -> Self {
        Self { pool: pool.clone(), ..self.clone() }
    }

    /// Stats files without opening them; the first that cannot be is named by its place.
    pub async fn identify_all(
        &self,
        locations: Vec<String>,
    ) -> Result<Result<Vec<Identity>, (usize, io::Error)>, Problem> {
        let locations = Arc::new(locations);
        let mut all = Vec::with_capacity(locations.len());
        for start in (0..locations.len()).step_by(PER_CALL) {
            let some = Arc::clone(&locations);
            let end = (start + PER_CALL).min(some.len());
            let identify = move |root: &Dir| {
                (start..end).map(|at| identify(root, &some[at]).map_err(|e| (at, e))).collect::<Result<Vec<_>, _>>()
            };
            // Only the first call is refused by a full pool: the rest belongs to what has begun.
            let found = if start == 0 { self.run(identify).await? } else { self.run_in_turn(identify).await? };
            match found {
                Ok(identities) => all.extend(identities),
                Err(e) => return Ok(Err(e)),
            }
        }
        Ok(Ok(all))
    }
}

/// A location in the catalogue's form: relative, forward slashes, no tricks.
pub fn is_plain(location: &str) -> bool {
    !location.is_empty()
        && !location.contains('\0')
        && location.split('/').all(|part| !part.is_empty() && part != "." && part != "..")
}

/// Looks at a file beneath the root without opening it.
pub fn identify(root: &Dir, location: &str) -> io::Result<Identity> {
    if !is_plain(location) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the location is not a plain relative path"));
    }
    // Looked at before it is opened, because opening a pipe would wait for a writer.
    let metadata = root.metadata(location)?;
    if !metadata.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the location is no regular file"));
    }
    Ok(Identity::of(&metadata))
}

/// Opens a file beneath the root.
pub fn open(root: &Dir, location: &str) -> io::Result<Opened> {
    identify(root, location)?;
    let file = root.open(location)?.into_std();
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the location is no regular file"));
    }
    Ok(Opened { identity: Identity::of_std(&metadata), file })
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
