//! The identity of an index, in a file of its directory.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

use crate::index::identity::IndexIdentity;

const FILE: &str = "identity";

/// Reads the identity of the index in this directory; a new index gets the given one.
pub fn read_or_create_identity(directory: &Path, new: &str) -> io::Result<IndexIdentity> {
    fs::create_dir_all(directory)?;
    let file = directory.join(FILE);
    match fs::read_to_string(&file) {
        Ok(text) => return Ok(IndexIdentity { text, is_new: false }),
        Err(e) if e.kind() == io::ErrorKind::NotFound => {}
        Err(e) => return Err(e),
    }
    let temporary = directory.join("identity.new");
    let mut written = File::create(&temporary)?;
    written.write_all(new.as_bytes())?;
    written.sync_all()?;
    fs::rename(&temporary, &file)?;
    File::open(directory)?.sync_all()?;
    Ok(IndexIdentity { text: new.to_owned(), is_new: true })
}
