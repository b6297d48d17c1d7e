//! The files of a manifest, and those that a selection lacks.

use data_encoding::HEXLOWER;
use sha2::{Digest as _, Sha256};

use super::archive::LayoutFormat;
use super::file_identity::FileIdentity;

/// A file as it was when its manifest was created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestEntry {
    pub datafile: i64,
    /// Path in archives.
    pub name: String,
    pub location: String,
    pub identity: FileIdentity,
    pub crc: Option<u32>,
}

/// A datafile whose file is missing or cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingFile {
    pub datafile: i64,
    /// The path that it would have in archives.
    pub name: String,
    /// Size according to the catalogue.
    pub size: Option<i64>,
    /// A text for users.
    pub reason: String,
}

/// SHA-256 in hexadecimal over everything but the checksums.
pub fn hash_entries(entries: &[ManifestEntry]) -> String {
    let mut digest = Sha256::new();
    for ManifestEntry { datafile, name, location, identity, crc: _ } in entries {
        // The lengths make the encoding unambiguous.
        digest.update(format!(
            "{datafile} {} {name} {} {location} {}\n",
            name.len(),
            location.len(),
            encode_identity(identity)
        ));
    }
    HEXLOWER.encode(&digest.finalize())
}

/// Part of the hash of every stored manifest, so this text must never change.
fn encode_identity(identity: &FileIdentity) -> String {
    let FileIdentity { size, modified_ns, changed_ns, device, inode } = identity;
    format!(
        "Identity {{ size: {size}, modified_ns: {modified_ns}, changed_ns: {changed_ns}, device: {device}, inode: {inode} }}"
    )
}

/// Checksums stand before the data if all of them are known when the manifest is created, else behind it.
pub fn choose_zip_format(entries: &[ManifestEntry]) -> LayoutFormat {
    if entries.iter().all(|entry| entry.crc.is_some() || entry.identity.size == 0) {
        LayoutFormat::ZipStored
    } else {
        LayoutFormat::ZipBlocks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hash_of_stored_manifests_does_not_change() {
        let identity = FileIdentity { size: 5, modified_ns: -1, changed_ns: 7, device: 8, inode: 9 };
        assert_eq!(
            encode_identity(&identity),
            "Identity { size: 5, modified_ns: -1, changed_ns: 7, device: 8, inode: 9 }"
        );
    }
}
