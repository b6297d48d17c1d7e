//! Streams an archive to stdout or into a file. It survives broken connections, and compares the files with the checksums of
//! the list.

use std::io::{self, Read, Write};

use tokio::task::block_in_place;

use super::file_list::{FileAddress, FileEntry};
use super::selection::Selection;
use super::transfer::{FetchRequest, fetch_bytes};
use crate::commands::requests::RequestError;

/// Writes the archive to `out`; its length.
pub async fn send_archive(
    selection: &Selection,
    address: &FileAddress,
    entries: &[FileEntry],
    out: &mut impl Write,
) -> Result<u64, RequestError> {
    let mut check = ChecksumCheck::new(entries);
    let wanted = FetchRequest { address, bytes: 0..u64::MAX, size: None, etag: None };
    let fetched = fetch_bytes(selection, wanted, |piece| {
        block_in_place(|| out.write_all(piece))?;
        check.add_chunk(piece);
        Ok(())
    });
    let end = fetched.await.map_err(explain_incomplete)?.end;
    block_in_place(|| out.flush()).map_err(|e| RequestError::from_error("cannot write", &e))?;
    match check.finish() {
        damaged if damaged.is_empty() => Ok(end),
        damaged => Err(RequestError::Failed(format!("these files differ from the list: {}", damaged.join(", ")))),
    }
}

/// The files of a tar that differ from the list; nothing is read if no file has a checksum.
pub fn list_damaged_files(mut tar: impl Read, entries: &[FileEntry]) -> io::Result<Vec<String>> {
    let mut check = ChecksumCheck::new(entries);
    let mut buffer = vec![0; 1 << 20];
    while check.current.is_some() {
        match tar.read(&mut buffer)? {
            0 => break,
            length => check.add_chunk(&buffer[..length]),
        }
    }
    Ok(check.finish())
}

/// Adds that the output so far is incomplete.
fn explain_incomplete(e: RequestError) -> RequestError {
    match e {
        RequestError::Changed(text) => RequestError::Failed(format!("{text}; the output is incomplete: start over")),
        e => e,
    }
}

/// Compares the checksums of files while their tar is received.
struct ChecksumCheck<'e> {
    /// Sorted by offset.
    ahead: std::vec::IntoIter<(u64, &'e FileEntry)>,
    current: Option<(u64, &'e FileEntry)>,
    crc: crc32fast::Hasher,
    at: u64,
    damaged: Vec<String>,
}

impl<'e> ChecksumCheck<'e> {
    fn new(entries: &'e [FileEntry]) -> Self {
        let known = |entry: &'e FileEntry| Some((entry.tar_offset.filter(|_| entry.crc.is_some())?, entry));
        let mut ahead: Vec<_> = entries.iter().filter_map(known).collect();
        ahead.sort_by_key(|(offset, _)| *offset);
        let mut ahead = ahead.into_iter();
        let current = ahead.next();
        Self { ahead, current, crc: crc32fast::Hasher::new(), at: 0, damaged: Vec::new() }
    }

    fn add_chunk(&mut self, piece: &[u8]) {
        let (from, to) = (self.at, self.at + piece.len() as u64);
        self.at = to;
        while let Some((offset, entry)) = self.current {
            let end = offset.saturating_add(entry.size);
            let within = |at: u64| usize::try_from(at.clamp(from, to) - from).unwrap_or(piece.len());
            self.crc.update(&piece[within(offset)..within(end.max(offset))]);
            if end > to {
                return;
            }
            self.compare_checksum(entry);
        }
    }

    fn compare_checksum(&mut self, entry: &FileEntry) {
        let found = std::mem::take(&mut self.crc).finalize();
        if entry.crc != Some(found) {
            self.damaged.push(format!("`{}`", entry.path.escape_debug()));
        }
        self.current = self.ahead.next();
    }

    /// The damaged files.
    fn finish(mut self) -> Vec<String> {
        while let Some((_, entry)) = self.current {
            self.compare_checksum(entry);
        }
        self.damaged
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn build_entry(path: &str, tar_offset: u64, bytes: &[u8]) -> FileEntry {
        FileEntry {
            path: path.to_owned(),
            size: bytes.len() as u64,
            modified: None,
            crc: Some(crc32fast::hash(bytes)),
            address: FileAddress::Listed(0),
            tar_offset: Some(tar_offset),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]
        #[test]
        fn a_wrong_byte_is_noticed_however_the_bytes_are_cut(cuts in prop::collection::vec(0_usize..30, 0..5), spoiled in 0_usize..30) {
            let mut bytes: Vec<u8> = (0..30).collect();
            let entries = [build_entry("b", 12, &bytes[12..20]), build_entry("a", 3, &bytes[3..7]), build_entry("empty", 10, &[])];
            let expected: Vec<&str> = match spoiled { 3..7 => vec!["`a`"], 12..20 => vec!["`b`"], _ => vec![] };
            bytes[spoiled] ^= 1;
            let mut cuts = cuts;
            cuts.extend([0, 30]);
            cuts.sort_unstable();
            let mut check = ChecksumCheck::new(&entries);
            cuts.windows(2).for_each(|cut| check.add_chunk(&bytes[cut[0]..cut[1]]));
            prop_assert_eq!(check.finish(), expected);
        }
    }

    #[test]
    fn what_did_not_come_is_damaged() {
        let entries = [build_entry("a", 0, b"hello")];
        let mut check = ChecksumCheck::new(&entries);
        check.add_chunk(b"hell");
        assert_eq!(check.finish(), ["`a`"]);
    }
}
