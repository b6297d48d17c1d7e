//! Files and directories of the services that no user may download: databases, keys, attachments. A storage root must
//! neither contain them nor lie in them, or downloads would serve them and ingestion would catalogue them.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::config::{Config, ConfigError, Core};

/// One of them, and the setting that names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrivatePath {
    /// Such as `logbook.attachments_dir`.
    pub setting: String,
    pub path: PathBuf,
}

impl PrivatePath {
    pub fn new(setting: impl Into<String>, path: impl Into<PathBuf>) -> Self {
        Self { setting: setting.into(), path: path.into() }
    }
}

/// How long a storage may take to answer before the process goes on without the check.
const STORAGE_TIMEOUT: Duration = Duration::from_secs(5);

/// Refuses storages that share files with what is private. One whose file system does not answer is not waited for: it is
/// checked by whoever opens it, before anything of it is served.
pub fn check_storages(config: &Config) -> Result<(), ConfigError> {
    check_each(config, STORAGE_TIMEOUT, check_storage)
}

fn check_each(
    config: &Config,
    timeout: Duration,
    check: fn(&Config, &str) -> Result<(), ConfigError>,
) -> Result<(), ConfigError> {
    let asked: Vec<(&String, mpsc::Receiver<Result<(), ConfigError>>)> = config
        .core
        .storage
        .keys()
        .map(|name| {
            let (sender, receiver) = mpsc::channel();
            let (config, storage) = (config.clone(), name.clone());
            // It may never end; then it ends with the process.
            thread::spawn(move || sender.send(check(&config, &storage)));
            (name, receiver)
        })
        .collect();
    for (name, answer) in asked {
        match answer.recv_timeout(timeout) {
            Ok(checked) => checked?,
            Err(e) => {
                tracing::warn!(storage.name = name, error = %e, "a storage does not answer; it is checked when it does");
            }
        }
    }
    Ok(())
}

/// Refuses a storage that shares files with what is private. Paths are compared as the file system resolves them: through
/// symbolic links and bind mounts, and also before they exist. Waits for as long as the file system does.
pub fn check_storage(config: &Config, name: &str) -> Result<(), ConfigError> {
    let core = &config.core;
    // Storages elsewhere than in a directory hold nothing of ours.
    let Some(Ok(root)) = core.storage.get(name).map(|storage| storage.parse_directory(name)) else { return Ok(()) };
    let private = list_core_paths(core).into_iter().chain(config.private_files.iter().cloned());
    for private in private.filter(|private| !private.path.as_os_str().is_empty()) {
        refuse_shared(&private, name, &root)?;
    }
    Ok(())
}

fn list_core_paths(core: &Core) -> Vec<PrivatePath> {
    vec![
        PrivatePath::new("data_dir", &core.data_dir),
        PrivatePath::new("events.credentials_file", &core.events.credentials_file),
    ]
}

fn refuse_shared(private: &PrivatePath, storage: &str, root: &Path) -> Result<(), ConfigError> {
    let failed = |path: &Path, e: &io::Error| ConfigError(format!("cannot resolve {}: {e}", path.display()));
    let place = resolve_path(&private.path).map_err(|e| failed(&private.path, &e))?;
    let root = resolve_path(root).map_err(|e| failed(root, &e))?;
    let relation = if is_within(&place, &root) {
        if is_within(&root, &place) { "is" } else { "lies in" }
    } else if is_within(&root, &place) {
        "contains"
    } else {
        return Ok(());
    };
    let setting = &private.setting;
    Err(ConfigError(format!(
        "{setting} = {} {relation} storage.{storage}.url = {}: downloads would serve what {setting} holds. Choose a \
         place for {setting} outside the storage, or the storage to a directory with nothing but data files",
        place.display(),
        root.display(),
    )))
}

/// The absolute path without symbolic links; what does not exist yet is appended as it is written.
fn resolve_path(path: &Path) -> io::Result<PathBuf> {
    let mut existing = std::path::absolute(path)?;
    let mut missing: Vec<OsString> = Vec::new();
    loop {
        match fs::canonicalize(&existing) {
            Ok(mut resolved) => {
                for name in missing.into_iter().rev() {
                    if name == ".." {
                        resolved.pop();
                    } else {
                        resolved.push(name);
                    }
                }
                return Ok(resolved);
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) => return Err(e),
        }
        let Some(last) = existing.components().next_back() else { return Ok(existing) };
        if !matches!(last, Component::RootDir) {
            missing.push(last.as_os_str().to_owned());
        }
        // `parent` of a path that ends in `..` is the path before it.
        let Some(parent) = existing.parent().map(Path::to_owned) else { return Ok(existing) };
        existing = parent;
    }
}

/// Whether `path` is `directory` or lies below it, by name or because one of its directories is the same.
fn is_within(path: &Path, directory: &Path) -> bool {
    if path.starts_with(directory) {
        return true;
    }
    let identity = |path: &Path| fs::metadata(path).ok().map(|found| (found.dev(), found.ino()));
    let Some(wanted) = identity(directory) else { return false };
    path.ancestors().any(|ancestor| identity(ancestor) == Some(wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_paths(data_dir: &Path, storage: &Path, more: Vec<PrivatePath>) -> Result<(), String> {
        let toml = format!("data_dir = '{}'\n[storage.main]\nurl = '{}'\n", data_dir.display(), storage.display());
        let mut config = Config::from_toml(&[], &toml).unwrap();
        config.private_files.extend(more);
        check_storages(&config).map_err(|e| e.to_string())
    }

    /// The hang is a check that never ends; the control is one that refuses.
    #[test]
    fn a_storage_that_hangs_is_not_waited_for() {
        let toml = "[storage.hung]\nurl = '/hung'\n[storage.wrong]\nurl = '/wrong'\n";
        let config = Config::from_toml(&[], toml).unwrap();
        let hangs: fn(&Config, &str) -> Result<(), ConfigError> = |_, name| {
            if name == "hung" {
                loop {
                    thread::park();
                }
            }
            Err(ConfigError(format!("{name} is refused")))
        };
        assert!(check_each(&config, Duration::from_millis(1), |_, _| Ok(())).is_ok());
        let refused = check_each(&config, Duration::from_secs(1), hangs).unwrap_err();
        assert_eq!(refused.to_string(), "wrong is refused", "the others are still checked");
        let alone = Config::from_toml(&[], "[storage.hung]\nurl = '/hung'\n").unwrap();
        assert!(check_each(&alone, Duration::from_millis(1), hangs).is_ok());
    }

    #[test]
    fn storages_and_the_data_directory_do_not_share_files_in_either_direction() {
        let dir = tempfile::tempdir().unwrap();
        let at = |path: &str| dir.path().join(path);
        fs::create_dir_all(at("files/raw")).unwrap();
        fs::create_dir_all(at("files-of-others")).unwrap();
        std::os::unix::fs::symlink(at("files"), at("link")).unwrap();
        // The last ones do not exist yet.
        for (data_dir, storage, relation) in [
            ("files", "files", "is"),
            ("link", "files", "is"),
            ("files/raw", "files", "lies in"),
            ("files/raw", "link", "lies in"),
            ("link/raw", "files", "lies in"),
            ("files", "files/raw", "contains"),
            ("files", "link/raw", "contains"),
            ("files/data/deep", "link", "lies in"),
            ("new/data", "new", "lies in"),
            ("new", "new/files", "contains"),
            ("files-of-others/../files/data", "files", "lies in"),
            ("new/../files/data", "files", "lies in"),
        ] {
            let refusal = check_paths(&at(data_dir), &at(storage), Vec::new()).expect_err(data_dir);
            assert!(refusal.starts_with("data_dir = "), "{refusal}");
            assert!(refusal.contains(&format!(" {relation} storage.main.url = ")), "{data_dir} {storage}: {refusal}");
        }
        for (data_dir, storage) in [("files", "files-of-others"), ("data", "files"), ("files-of-others", "link")] {
            assert_eq!(check_paths(&at(data_dir), &at(storage), Vec::new()), Ok(()), "{data_dir} {storage}");
        }
        assert!(check_paths(&at("data"), Path::new("/"), Vec::new()).unwrap_err().contains("lies in"));
    }

    #[test]
    fn what_services_keep_private_is_compared_too_and_an_empty_path_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let at = |path: &str| dir.path().join(path);
        let private = |path: PathBuf| vec![PrivatePath::new("logbook.attachments_dir", path)];
        let refusal = check_paths(&at("data"), &at("files"), private(at("files/logbook"))).unwrap_err();
        assert!(refusal.starts_with("logbook.attachments_dir = "), "{refusal}");
        assert_eq!(check_paths(&at("data"), &at("files"), private(PathBuf::new())), Ok(()));
        assert_eq!(check_paths(&at("data"), &at("files"), private(at("logbook"))), Ok(()));
    }
}
