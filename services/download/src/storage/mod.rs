//! Files beneath the root of a storage, but never below `data_dir`.
//!
//! Locations come from the catalogue and are not trusted, see [`StorageRoot`]. Links that stay beneath the root are followed.

mod lazy_root;
mod new_file;
mod root;

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use service_kit::config::StorageConfig;
use service_kit::{Blocking, BuildError, Config, Pools, Problem, check_storage};

use self::lazy_root::LazyRoot;
pub use self::new_file::{NewFile, StoredFile, remove_file, temporary_location};
use self::root::FileLookup;
pub use self::root::StorageRoot;
use crate::domain::file_identity::FileIdentity;

/// How long a request waits for a full pool. A healthy storage looks up thousands of files in that time.
const POOL_TIMEOUT: Duration = Duration::from_secs(2);
/// Files that are looked up in one call of the pool.
const FILES_PER_CALL: usize = 1000;

/// A directory of data files with its own pool of threads. Cheap to clone.
#[derive(Clone)]
pub struct Storage {
    root: Arc<LazyRoot>,
    pool: Blocking,
    pub read_only: bool,
}

/// A file opened for reading.
#[derive(Debug)]
pub struct OpenFile {
    pub file: File,
    pub identity: FileIdentity,
}

impl Storage {
    /// An error if the directory cannot be opened, or contains private paths. If its file system does not answer, the
    /// process starts nevertheless, and requests get 503 until it does.
    pub async fn open(
        name: &str,
        settings: &StorageConfig,
        config: &Config,
        pools: &Pools,
    ) -> Result<Self, BuildError> {
        let path = settings.parse_directory(name)?;
        let pool = pools.open(&format!("storage.{name}"), settings.threads, settings.queue);
        let (config, storage) = (config.clone(), name.to_owned());
        let root = LazyRoot::new(name, move || {
            check_storage(&config, &storage).map_err(|e| e.to_string())?;
            let opened = StorageRoot::open(&path, &config.core.data_dir);
            opened.map_err(|e| format!("storage.{storage}: cannot open {}: {e}", path.display()))
        });
        let storage = Self { root: Arc::new(root), pool, read_only: settings.read_only };
        storage.root.open_at_start(&storage.pool).await?;
        Ok(storage)
    }

    /// Runs blocking work with the root; 503 if the pool stays full, or if the file system has not answered since the start.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&StorageRoot) -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let root = self.root.get(&self.pool).await?;
        self.pool.run_within(POOL_TIMEOUT, move || work(&root)).await
    }

    /// The same for an answer that has begun: it waits for the pool without limit.
    pub async fn run_queued<T: Send + 'static>(
        &self,
        work: impl FnOnce(&StorageRoot) -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let root = self.root.get(&self.pool).await?;
        self.pool.run_queued(move || work(&root)).await
    }

    /// The same directory with another pool, for work that needs the processor besides the disk.
    pub fn with_pool(&self, pool: &Blocking) -> Self {
        Self { pool: pool.clone(), ..self.clone() }
    }

    /// Looks up files without opening them: the identity of each, or why it is missing.
    pub async fn identify_files(&self, locations: Vec<String>) -> Result<Vec<io::Result<FileIdentity>>, Problem> {
        let locations = Arc::new(locations);
        let mut all = Vec::with_capacity(locations.len());
        for start in (0..locations.len()).step_by(FILES_PER_CALL) {
            let some = Arc::clone(&locations);
            let end = (start + FILES_PER_CALL).min(some.len());
            let identify = move |root: &StorageRoot| {
                let mut lookup = root.start_lookup();
                some[start..end].iter().map(|location| identify_with(&mut lookup, location)).collect::<Vec<_>>()
            };
            // A full pool refuses only the first call: the others belong to a request that has begun.
            all.extend(if start == 0 { self.run(identify).await? } else { self.run_queued(identify).await? });
        }
        Ok(all)
    }
}

/// Looks up a file without opening it.
pub fn identify_file(root: &StorageRoot, location: &str) -> io::Result<FileIdentity> {
    identify_with(&mut root.start_lookup(), location)
}

fn identify_with(lookup: &mut FileLookup<'_>, location: &str) -> io::Result<FileIdentity> {
    let (place, metadata) = lookup.find_file(location)?;
    place.require_readable()?;
    Ok(FileIdentity::from_cap_metadata(&metadata))
}

/// Opens a file.
pub fn open_file(root: &StorageRoot, location: &str) -> io::Result<OpenFile> {
    let (place, _) = root.start_lookup().find_file(location)?;
    let file = place.open_file()?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the location is not a regular file"));
    }
    Ok(OpenFile { identity: FileIdentity::from_std_metadata(&metadata), file })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use std::os::unix::fs::symlink;

    /// The control: files beneath the root can be read.
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
        let handle = StorageRoot::open(&root, Path::new("/nowhere")).unwrap();
        assert_eq!(open_file(&handle, "sub/inside").unwrap().identity.size, 6);
        assert_eq!(open_file(&handle, "link").unwrap().identity.size, 6, "links beneath the root are followed");
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
            assert!(open_file(&handle, refused).is_err(), "{refused:?}");
        }
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(10_000))]
        #[test]
        fn arbitrary_locations_are_refused_or_stay_inside(location in "(\\.\\.|/|[a-c]|\\.|\\\\|\0|é){0,12}") {
            let plain = root::is_plain_path(&location);
            let joined = std::path::Path::new("/root").join(&location);
            let climbs = joined.components().any(|c| c == std::path::Component::ParentDir);
            if plain {
                proptest::prop_assert!(!climbs && joined.starts_with("/root") && !location.contains('\0'));
            }
        }
    }
}
