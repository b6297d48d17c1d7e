//! Secrets of the demo, which lie in files of its directory.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use service_kit::cli::Failure;
use service_kit::{Ids as _, SystemIds};

/// Short enough to be typed.
pub fn random() -> String {
    SystemIds.random_uuid().simple().to_string()[..16].to_owned()
}

/// Writes a file that only its owner may read; it is there whole or not at all.
pub fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let draft = path.with_added_extension("new");
    let written = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&draft)
        .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&draft, path));
    written.map_err(|e| unusable(path, &e))
}

pub fn unusable(path: &Path, e: &io::Error) -> Failure {
    Failure::Failed(format!("cannot use {}: {e}", path.display()))
}
