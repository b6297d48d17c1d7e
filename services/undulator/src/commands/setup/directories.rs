//! The directories of a facility, as absolute paths. None may expose another one.

use std::path::{Component, Path, PathBuf};

use rustix::fs::{Access, access};
use service_kit::cli::Failure;

use super::answers::Answers;

pub struct Directories {
    settings_dir: PathBuf,
    pub storage: PathBuf,
    pub data_dir: PathBuf,
    pub secrets_dir: PathBuf,
}

impl Directories {
    /// Resolves the paths relative to the directory of the settings file, so that the working directory does not
    /// matter. Refuses a storage that contains databases or secrets, or lies below them: files of the storage are
    /// served to users.
    pub fn new(answers: &Answers, settings_dir: &Path) -> Result<Self, Failure> {
        let resolve = |path: &Path| resolve_path(path, settings_dir);
        let directories = Self {
            settings_dir: settings_dir.to_owned(),
            storage: resolve(&answers.storage)?,
            data_dir: resolve(&answers.data_dir)?,
            secrets_dir: resolve(&answers.secrets_dir)?,
        };
        for (key, private) in [("data_dir", &directories.data_dir), ("secrets_dir", &directories.secrets_dir)] {
            if private.starts_with(&directories.storage) || directories.storage.starts_with(private) {
                return Err(Failure::Usage(format!(
                    "storage ({}) and {key} ({}) must not lie within each other: what is below the storage is served to users",
                    directories.storage.display(),
                    private.display()
                )));
            }
        }
        Ok(directories)
    }

    /// Whether the value of a setting is this directory.
    pub fn is_same(&self, setting: &str, place: &Path) -> bool {
        let path = Path::new(setting.strip_prefix("file://").unwrap_or(setting));
        resolve_path(path, &self.settings_dir).is_ok_and(|known| known == place)
    }

    /// Checks that all directories can be created, before one is.
    pub fn require_creatable(&self, settings_file: &Path) -> Result<(), Failure> {
        let settings_dir = settings_file.parent().filter(|parent| !parent.as_os_str().is_empty());
        let settings_dir = settings_dir.unwrap_or(Path::new("."));
        for path in [&self.storage, &self.data_dir, &self.secrets_dir] {
            let there = path.ancestors().find(|ancestor| ancestor.exists()).unwrap_or(path);
            if there != path {
                require_writable(there, path)?;
            }
        }
        require_writable(settings_dir, settings_file)
    }
}

fn require_writable(directory: &Path, wanted: &Path) -> Result<(), Failure> {
    let refused = |e: &std::io::Error| {
        Failure::Failed(format!("cannot make {}: {} is not writable ({e})", wanted.display(), directory.display()))
    };
    if !directory.is_dir() {
        return Err(refused(&std::io::ErrorKind::NotADirectory.into()));
    }
    access(directory, Access::WRITE_OK | Access::EXEC_OK).map_err(|e| refused(&e.into()))
}

/// The path without links and dots; its end need not exist.
fn resolve_path(path: &Path, settings_dir: &Path) -> Result<PathBuf, Failure> {
    let unusable = |e: &std::io::Error| Failure::Usage(format!("cannot use {}: {e}", path.display()));
    let is_empty = path.as_os_str().is_empty();
    let path = settings_dir.join(path);
    if is_empty || path.components().any(|part| part == Component::ParentDir) && !path.exists() {
        return Err(Failure::Usage(format!("`{}` is no directory", path.display())));
    }
    let absolute = std::path::absolute(&path).map_err(|e| unusable(&e))?;
    let mut missing = Vec::new();
    for ancestor in absolute.ancestors() {
        match ancestor.canonicalize() {
            Ok(found) => return Ok(missing.iter().rev().fold(found, |path, name| path.join(name))),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => missing.extend(ancestor.file_name()),
            Err(e) => return Err(unusable(&e)),
        }
    }
    Ok(absolute)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_storage_never_holds_what_is_secret_nor_lies_in_it() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        let answers = |storage: PathBuf, data_dir: PathBuf| Answers {
            storage,
            data_dir,
            secrets_dir: at("secrets"),
            ..Answers::default_answers()
        };
        let here = Path::new("");
        let directories = Directories::new(&answers(at("files"), at("data")), here).ok().unwrap();
        assert!(directories.storage.is_absolute() && directories.storage.ends_with("files"));
        let below =
            |name: &str, dir: &Path| Directories::new(&answers(name.into(), at("data")), dir).ok().unwrap().storage;
        assert_eq!(below("files", dir.path()), directories.storage, "relative to the settings");
        std::fs::create_dir(at("real")).unwrap();
        std::os::unix::fs::symlink(at("real"), at("link")).unwrap();
        for (storage, data_dir) in [
            (dir.path().to_owned(), at("data")),
            (at("data/files"), at("data")),
            (at("real"), at("link/data")),
            (at("secrets"), at("data")),
            (at("same"), at("same")),
        ] {
            let refused = Directories::new(&answers(storage.clone(), data_dir), here).err();
            assert!(refused.is_some_and(|e| e.to_string().contains("within each other")), "{}", storage.display());
        }
    }
}
