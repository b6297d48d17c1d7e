//! Files of a directory of keys, which are written as a whole or not at all.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, fchown};
use std::path::{Path, PathBuf};

use aws_lc_rs::signature::Ed25519KeyPair;
use pem::{EncodeConfig, LineEnding, Pem};
use service_kit::Ids;

use super::key_set::KeyError;

const ROOT: u32 = 0;
const UUID_LENGTH: usize = 36;

/// The file that is locked while keys are changed. It is hidden, as drafts are.
const LOCK: &str = ".lock";

/// Held while the files of a directory are changed.
#[derive(Debug)]
pub struct DirectoryLock {
    /// The lock ends when the file is closed.
    _file: File,
}

impl DirectoryLock {
    /// Waits until nobody else changes the files of a directory.
    pub fn wait_for(dir: &Path) -> io::Result<Self> {
        let file = open_lock_file(dir)?;
        file.lock()?;
        Ok(Self { _file: file })
    }

    /// `None` if somebody else is changing the files.
    pub fn try_to_take(dir: &Path) -> io::Result<Option<Self>> {
        let file = open_lock_file(dir)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(e)) => Err(e),
        }
    }
}

fn open_lock_file(dir: &Path) -> io::Result<File> {
    let file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(dir.join(LOCK))?;
    give_to_owner_of(dir, &file)?;
    Ok(file)
}

/// What root creates belongs to whom the directory belongs to: the service could not read it otherwise.
fn give_to_owner_of(dir: &Path, file: &File) -> io::Result<()> {
    let (owner, created) = (std::fs::metadata(dir)?, file.metadata()?);
    let is_roots = created.uid() == ROOT;
    if is_roots && (owner.uid(), owner.gid()) != (created.uid(), created.gid()) {
        fchown(file, Some(owner.uid()), Some(owner.gid()))?;
    }
    Ok(())
}

/// Removes the drafts that were left when a process was killed; the directory must be locked.
pub fn remove_drafts(dir: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_name().to_str().is_some_and(is_draft) {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Whether a file has the name of a draft: a dot, the name of the file, a dot and a UUID.
fn is_draft(file: &str) -> bool {
    let id = file.strip_prefix('.').and_then(|file| file.rsplit_once('.')).map(|(_, id)| id);
    id.is_some_and(|id| id.len() == UUID_LENGTH && id.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-'))
}

/// A new Ed25519 key (PKCS#8), as OpenSSL writes it.
pub fn generate_pem() -> Result<String, KeyError> {
    let document = Ed25519KeyPair::generate().and_then(|pair| pair.to_pkcs8v1()).map_err(|_| KeyError::NotGenerated)?;
    let unix = EncodeConfig::new().set_line_ending(LineEnding::LF);
    Ok(pem::encode_config(&Pem::new("PRIVATE KEY", document.as_ref()), unix))
}

/// Creates a file with its content; an existing file is kept.
pub fn create_file(dir: &Path, file: &str, content: &[u8], ids: &dyn Ids) -> io::Result<()> {
    let draft = write_draft(dir, file, content, ids)?;
    // Unlike a rename, a hard link does not replace an existing file.
    let linked = std::fs::hard_link(&draft, dir.join(file));
    std::fs::remove_file(&draft)?;
    match linked {
        Err(e) if e.kind() != io::ErrorKind::AlreadyExists => Err(e),
        _ => sync_directory(dir),
    }
}

/// An error if a file cannot be created in a directory.
pub fn try_to_create_file(dir: &Path, file: &str, ids: &dyn Ids) -> io::Result<()> {
    std::fs::remove_file(write_draft(dir, file, b"", ids)?)
}

/// Replaces the content of a file, or creates it.
pub fn replace_file(dir: &Path, file: &str, content: &[u8], ids: &dyn Ids) -> io::Result<()> {
    let draft = write_draft(dir, file, content, ids)?;
    std::fs::rename(&draft, dir.join(file))?;
    sync_directory(dir)
}

fn write_draft(dir: &Path, file: &str, content: &[u8], ids: &dyn Ids) -> io::Result<PathBuf> {
    let draft = dir.join(format!(".{file}.{}", ids.random_uuid()));
    let mut written = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    let stored = give_to_owner_of(dir, &written).and_then(|()| written.write_all(content));
    stored.and_then(|()| written.sync_all()).inspect_err(|_| drop(std::fs::remove_file(&draft)))?;
    Ok(draft)
}

/// Flushes a directory, so that the names of its files are on disk.
pub fn sync_directory(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

#[cfg(test)]
mod tests {
    use service_kit::SystemIds;

    use super::*;

    #[test]
    fn drafts_are_removed_and_nothing_else() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path();
        let draft = write_draft(dir, "a.pem", b"half", &SystemIds).unwrap();
        for name in ["a.pem", "active", ".lock", "..data", ".a.pem.swp", ".2026"] {
            std::fs::write(dir.join(name), "x").unwrap();
        }
        remove_drafts(dir).unwrap();
        assert!(!draft.exists());
        assert_eq!(std::fs::read_dir(dir).unwrap().count(), 6);
    }

    #[test]
    fn a_directory_is_changed_by_one_at_a_time() {
        let root = tempfile::tempdir().unwrap();
        let first = DirectoryLock::wait_for(root.path()).unwrap();
        assert!(DirectoryLock::try_to_take(root.path()).unwrap().is_none());
        drop(first);
        assert!(DirectoryLock::try_to_take(root.path()).unwrap().is_some());
    }

    /// Only root can give files away, so that the test shows something only where it runs as root.
    #[test]
    fn files_belong_to_the_owner_of_their_directory() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path();
        let is_root = std::fs::metadata(dir).unwrap().uid() == ROOT;
        if is_root {
            std::os::unix::fs::chown(dir, Some(1234), Some(2345)).unwrap();
        }
        drop(DirectoryLock::wait_for(dir).unwrap());
        create_file(dir, "a.pem", b"x", &SystemIds).unwrap();
        replace_file(dir, "active", b"a", &SystemIds).unwrap();
        let owner = std::fs::metadata(dir).unwrap();
        for file in [LOCK, "a.pem", "active"] {
            let found = std::fs::metadata(dir.join(file)).unwrap();
            assert_eq!((found.uid(), found.gid()), (owner.uid(), owner.gid()), "{file}");
            assert_eq!(found.mode() & 0o777, 0o600, "{file}");
        }
        println!("as root: {is_root}");
    }
}
