//! Files of a directory of keys, which are written as a whole or not at all.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use aws_lc_rs::signature::Ed25519KeyPair;
use pem::{EncodeConfig, LineEnding, Pem};
use service_kit::Ids;

use super::key_set::KeyError;

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
    written.write_all(content).and_then(|()| written.sync_all()).inspect_err(|_| drop(std::fs::remove_file(&draft)))?;
    Ok(draft)
}

/// Flushes a directory, so that the names of its files are on disk.
pub fn sync_directory(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}
