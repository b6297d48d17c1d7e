//! Files beneath a root, and nowhere else; nor below `data_dir`, wherever that lies.
//!
//! Locations come from the catalogue and are not trusted, see [`Root`]. Links that stay beneath the root are followed.

mod identity;
mod late_root;
mod root;
mod write;

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use service_kit::config::StorageConfig;
use service_kit::{Blocking, BuildError, Config, Pools, Problem, check_storage};

pub use self::identity::Identity;
use self::late_root::LateRoot;
use self::root::Lookup;
pub use self::root::Root;
pub use self::write::{Writing, Written, remove, temporary};

/// How long a request waits for a place in a full pool. A storage that is well has looked at a thousand files by then.
const PATIENCE: Duration = Duration::from_secs(2);
/// Locations that are looked at in one call of the pool.
const PER_CALL: usize = 1000;

/// A directory of data files with its own bounded pool. Cheap to clone.
#[derive(Clone)]
pub struct Storage {
    root: Arc<LateRoot>,
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
    /// Refused if the directory cannot be opened, or shares files with what is private. A file system that does not answer is
    /// not waited for: requests are answered 503 until it does.
    pub async fn open(
        name: &str,
        settings: &StorageConfig,
        config: &Config,
        pools: &Pools,
    ) -> Result<Self, BuildError> {
        let path = settings.parse_directory(name)?;
        let pool = pools.open(&format!("storage.{name}"), settings.threads, settings.queue);
        let (config, storage) = (config.clone(), name.to_owned());
        let root = LateRoot::new(name, move || {
            check_storage(&config, &storage).map_err(|e| e.to_string())?;
            let opened = Root::open(&path, &config.core.data_dir);
            opened.map_err(|e| format!("storage.{storage}: cannot open {}: {e}", path.display()))
        });
        let storage = Self { root: Arc::new(root), pool, read_only: settings.read_only };
        storage.root.open_at_start(&storage.pool).await?;
        Ok(storage)
    }

    /// Calls something that blocks, with the root; refused when the pool is full and stays so, and while the storage has not
    /// answered since the start.
    pub async fn run<T: Send + 'static>(&self, work: impl FnOnce(&Root) -> T + Send + 'static) -> Result<T, Problem> {
        let root = self.root.get(&self.pool).await?;
        self.pool.run_within(PATIENCE, move || work(&root)).await
    }

    /// The same for an answer that has begun: it waits for its turn.
    pub async fn run_queued<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Root) -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let root = self.root.get(&self.pool).await?;
        self.pool.run_queued(move || work(&root)).await
    }

    /// The same directory through another pool, for work that takes the processor besides the disk.
    pub fn with_pool(&self, pool: &Blocking) -> Self {
        Self { pool: pool.clone(), ..self.clone() }
    }

    /// Looks at files without opening them; what is wrong with each that cannot be had.
    pub async fn identify_all(&self, locations: Vec<String>) -> Result<Vec<io::Result<Identity>>, Problem> {
        let locations = Arc::new(locations);
        let mut all = Vec::with_capacity(locations.len());
        for start in (0..locations.len()).step_by(PER_CALL) {
            let some = Arc::clone(&locations);
            let end = (start + PER_CALL).min(some.len());
            let identify = move |root: &Root| {
                let mut lookup = root.lookup();
                some[start..end].iter().map(|location| identify_with(&mut lookup, location)).collect::<Vec<_>>()
            };
            // Only the first call is refused by a full pool: the rest belongs to what has begun.
            all.extend(if start == 0 { self.run(identify).await? } else { self.run_queued(identify).await? });
        }
        Ok(all)
    }
}

/// Looks at a file beneath the root without opening it.
pub fn identify(root: &Root, location: &str) -> io::Result<Identity> {
    identify_with(&mut root.lookup(), location)
}

fn identify_with(lookup: &mut Lookup<'_>, location: &str) -> io::Result<Identity> {
    let (place, metadata) = lookup.find(location)?;
    place.require_readable()?;
    Ok(Identity::of(&metadata))
}

/// Opens a file beneath the root.
pub fn open(root: &Root, location: &str) -> io::Result<Opened> {
    let (place, _) = root.lookup().find(location)?;
    let file = place.open()?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the location is no regular file"));
    }
    Ok(Opened { identity: Identity::of_std(&metadata), file })
}

/// Whether a location can have no file, now or later: it leads out of the storage or below `data_dir`.
pub fn is_impossible(e: &io::Error) -> bool {
    match e.kind() {
        io::ErrorKind::InvalidInput => true,
        // What the system refuses has a number; this was refused before the system was asked.
        io::ErrorKind::PermissionDenied => e.raw_os_error().is_none(),
        _ => false,
    }
}

/// Whether there is no file at a location, now or ever; anything else may be a file that cannot be read.
pub fn is_absent(e: &io::Error) -> bool {
    matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) || is_impossible(e)
}

/// Why a file cannot be had, in words for whoever asked for it.
pub fn describe_failure(e: &io::Error) -> &'static str {
    match e.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => "there is no such file",
        _ if is_impossible(e) => "it is no file of this storage",
        io::ErrorKind::PermissionDenied => "the server may not read it",
        _ => "it cannot be read now",
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

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
        let handle = Root::open(&root, Path::new("/nowhere")).unwrap();
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
            let plain = root::is_plain(&location);
            let joined = std::path::Path::new("/root").join(&location);
            let climbs = joined.components().any(|c| c == std::path::Component::ParentDir);
            if plain {
                proptest::prop_assert!(!climbs && joined.starts_with("/root") && !location.contains('\0'));
            }
        }
    }
}
