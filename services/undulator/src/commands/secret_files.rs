//! Private files, and the passwords and keys in them.

use std::fs::{self, DirBuilder};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, chown};
use std::path::Path;

use data_encoding::HEXLOWER;
use service_kit::cli::Failure;
use service_kit::{Ids as _, SystemIds};

/// Length of a generated password, short enough to be typed.
const PASSWORD_BYTES: usize = 8;
/// Length of an API key.
const KEY_BYTES: usize = 24;

/// Generates a password of 16 hexadecimal digits.
pub fn random_password() -> String {
    random_hex(PASSWORD_BYTES)
}

/// Generates an API key of 48 hexadecimal digits.
pub fn random_key() -> String {
    random_hex(KEY_BYTES)
}

fn random_hex(bytes: usize) -> String {
    let mut random = vec![0; bytes];
    SystemIds.fill_random(&mut random);
    HEXLOWER.encode(&random)
}

/// Writes a file that only its owner may read, atomically.
pub fn write_private(path: &Path, text: &str) -> Result<(), Failure> {
    let draft = path.with_added_extension("new");
    let written = remove_if_there(&draft)
        .and_then(|()| fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft))
        .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&draft, path));
    written.map_err(|e| file_error(path, &e))
}
/// Replaces the text of a file and keeps its permissions and owner, also through a link. A new file is private.
pub fn replace_text(path: &Path, text: &str) -> Result<(), Failure> {
    let Ok(path) = path.canonicalize() else { return write_private(path, text) };
    let before = fs::metadata(&path).map_err(|e| file_error(&path, &e))?;
    write_private(&path.with_added_extension("kept"), text)?;
    let draft = path.with_added_extension("kept");
    let moved = chown(&draft, Some(before.uid()), Some(before.gid()))
        .and_then(|()| fs::set_permissions(&draft, before.permissions()))
        .and_then(|()| fs::rename(&draft, &path));
    moved.map_err(|e| file_error(&path, &e))
}

/// Removes the file of an interrupted run, which may have other permissions.
fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}

/// Creates a directory that only its owner may enter, and its parents; false if it exists.
pub fn create_private_dir(path: &Path) -> Result<bool, Failure> {
    if path.is_dir() {
        return Ok(false);
    }
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|e| file_error(path, &e))?;
    Ok(true)
}

pub fn file_error(path: &Path, e: &io::Error) -> Failure {
    Failure::Failed(format!("cannot use {}: {e}", path.display()))
}
