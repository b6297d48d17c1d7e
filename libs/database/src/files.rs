//! Files of `SQLite`: for their owner only, and for one server at a time.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::DbError;

/// Creates a directory and those above it that are missing, for their owner only whatever the umask. One that exists
/// stays as it is.
pub fn create_private_directory(directory: &Path) -> io::Result<()> {
    if directory.is_dir() {
        return Ok(());
    }
    DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    fs::set_permissions(directory, Permissions::from_mode(0o700))
}

/// Creates an empty file for its owner only, whatever the umask; `SQLite` gives its `-wal` and `-shm` the same mode.
/// One that exists stays as it is.
pub(crate) fn create_private_file(file: &Path) -> io::Result<()> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(file) {
        Ok(created) => created.set_permissions(Permissions::from_mode(0o600)),
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(e) => Err(e),
    }
}

/// Warns of a database and its directory that others than the owner may enter; changing that is for whoever allowed it.
pub(crate) fn warn_if_readable_by_others(file: &Path) {
    let directory = file.parent().filter(|directory| !directory.as_os_str().is_empty()).map(Path::to_owned);
    let files = ["", "-wal", "-shm"].map(|suffix| with_suffix(file, suffix));
    for (path, private_mode) in directory.into_iter().map(|d| (d, "700")).chain(files.map(|file| (file, "600"))) {
        let Ok(metadata) = fs::metadata(&path) else { continue };
        let mode = metadata.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            let path = path.display();
            tracing::warn!(%path, mode = format!("{mode:o}"), "others may read the database; run chmod {private_mode} {path}");
        }
    }
}

fn with_suffix(file: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(file);
    name.push(suffix);
    name.into()
}

/// The right to serve a `SQLite` file: an advisory lock on `<file>.lock`, which the system takes back when the process
/// ends. The file itself stays, and has the number of the process that had the lock last.
#[derive(Debug, Default)]
pub(crate) struct ServerLock(Mutex<Option<File>>);

impl ServerLock {
    /// Not on the database itself: closing any handle of that would take `SQLite`'s own locks from it.
    pub(crate) fn acquire(database: &Path) -> Result<Self, DbError> {
        let path = with_suffix(database, ".lock");
        let failed = |e: io::Error| DbError::Setup(format!("cannot lock {}: {e}", path.display()));
        create_private_file(&path).map_err(failed)?;
        let mut file = OpenOptions::new().read(true).write(true).open(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(refuse_second_server(database, &path, &mut file)),
            Err(TryLockError::Error(e)) => return Err(failed(e)),
        }
        // Only for people. On a full disk there may be no room for it, and the lock holds without.
        let written = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
        if let Err(e) = written {
            tracing::warn!(path = %path.display(), error = %e, "the process number was not written into the lock file");
        }
        Ok(Self(Mutex::new(Some(file))))
    }

    pub(crate) fn release(&self) {
        drop(self.0.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

fn refuse_second_server(database: &Path, lock: &Path, file: &mut File) -> DbError {
    let mut process = String::new();
    let read = file.rewind().and_then(|()| file.read_to_string(&mut process));
    let process = match (read, process.trim()) {
        (Ok(_), number) if !number.is_empty() => format!(" (process {number})"),
        _ => String::new(),
    };
    DbError::Setup(format!(
        "{} is in use by another server{process}, which holds {}; stop that one, or give this one another data_dir",
        database.display(),
        lock.display()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file_mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn what_is_created_is_private_and_what_exists_stays() {
        let dir = tempfile::tempdir().unwrap();
        let (new, file) = (dir.path().join("a/b"), dir.path().join("a/b/x.db"));
        create_private_directory(&new).unwrap();
        create_private_file(&file).unwrap();
        assert_eq!((file_mode(&new), file_mode(new.parent().unwrap()), file_mode(&file)), (0o700, 0o700, 0o600));
        fs::set_permissions(&new, Permissions::from_mode(0o755)).unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
        create_private_directory(&new).unwrap();
        create_private_file(&file).unwrap();
        assert_eq!((file_mode(&new), file_mode(&file)), (0o755, 0o644));
    }

    #[test]
    fn one_server_at_a_time_has_a_file() {
        let dir = tempfile::tempdir().unwrap();
        let (database, other) = (dir.path().join("x.db"), dir.path().join("y.db"));
        let first = ServerLock::acquire(&database).unwrap();
        let refused = ServerLock::acquire(&database).unwrap_err().to_string();
        let process = std::process::id();
        assert!(refused.contains(&format!("x.db is in use by another server (process {process})")), "{refused}");
        assert!(refused.contains("x.db.lock; stop that one"), "{refused}");
        ServerLock::acquire(&other).unwrap();
        first.release();
        ServerLock::acquire(&database).unwrap();
        assert_eq!(file_mode(&dir.path().join("x.db.lock")), 0o600);
    }
}
