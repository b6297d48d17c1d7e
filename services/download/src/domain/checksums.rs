//! Checksums of files: from the catalogue, and combined from parts that different requests have read.

use std::collections::BTreeMap;
use std::ops::Range;

/// The CRC-32 of a datafile, if the catalogue has one: at most eight hexadecimal digits, for a file that has the size in
/// the catalogue. Other ways of ingestion store MD5 or SHA there.
pub fn parse_catalogue_checksum(checksum: Option<&str>, catalogue_size: Option<i64>, disk_size: u64) -> Option<u32> {
    let text = checksum?;
    let is_hexadecimal = (1..=8).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit());
    let same_size = catalogue_size.is_some_and(|size| u64::try_from(size) == Ok(disk_size));
    (is_hexadecimal && same_size).then(|| u32::from_str_radix(text, 16).ok()).flatten()
}

/// Parts of one file whose checksums are known; adjacent parts are merged.
#[derive(Debug, Default)]
pub struct PartialChecksums(BTreeMap<u64, (u64, u32)>);

impl PartialChecksums {
    /// Adds the checksum of a part; one that overlaps with a known part is ignored.
    pub fn insert(&mut self, part: Range<u64>, crc: u32) {
        if part.is_empty() || self.0.range(..part.end).next_back().is_some_and(|(_, (end, _))| *end > part.start) {
            return;
        }
        let (mut start, mut end, mut crc) = (part.start, part.end, crc);
        if let Some((at, (_, before))) = self.0.range(..start).next_back().map(|(k, v)| (*k, *v))
            && self.0[&at].0 == start
        {
            crc = combine_checksums(before, crc, end - start);
            self.0.remove(&at);
            start = at;
        }
        if let Some((after_end, after)) = self.0.remove(&end) {
            crc = combine_checksums(crc, after, after_end - end);
            end = after_end;
        }
        self.0.insert(start, (end, crc));
    }

    /// The checksum of a file of `size` bytes, if all its parts are known.
    pub fn whole_checksum(&self, size: u64) -> Option<u32> {
        if size == 0 {
            return Some(0);
        }
        self.0.get(&0).filter(|(end, _)| *end == size).map(|(_, crc)| *crc)
    }
}

/// The checksum of two adjacent parts; the second is `length` bytes long.
fn combine_checksums(first: u32, second: u32, length: u64) -> u32 {
    let mut hasher = crc32fast::Hasher::new_with_initial_len(first, 0);
    hasher.combine(&crc32fast::Hasher::new_with_initial_len(second, length));
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_a_crc_of_a_file_of_this_size_is_parsed() {
        assert_eq!(parse_catalogue_checksum(Some("d202ef8d"), Some(1), 1), Some(0xd202_ef8d));
        assert_eq!(parse_catalogue_checksum(Some("ef8d"), Some(1), 1), Some(0xef8d), "without padding");
        assert_eq!(parse_catalogue_checksum(Some("0"), Some(0), 0), Some(0));
        for other in ["", "d202ef8d0", "+ef8d", "d41d8cd98f00b204e9800998ecf8427e", "crc:ef8d"] {
            assert_eq!(parse_catalogue_checksum(Some(other), Some(1), 1), None, "{other}");
        }
        assert_eq!(parse_catalogue_checksum(Some("ef8d"), Some(2), 1), None);
        assert_eq!(parse_catalogue_checksum(Some("ef8d"), None, 1), None);
        assert_eq!(parse_catalogue_checksum(None, Some(1), 1), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]
        /// Parts in any order, some of them twice, give the checksum of the file.
        #[test]
        fn parts_make_the_whole(bytes in prop::collection::vec(any::<u8>(), 0..200), seed in any::<u64>(), again in any::<bool>()) {
            let mut cuts: Vec<usize> = (0..6).map(|n| usize::try_from(seed.rotate_left(n * 9) % 201).unwrap().min(bytes.len())).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let mut pieces: Vec<(usize, usize)> = cuts.windows(2).map(|pair| (pair[0], pair[1])).collect();
            pieces.sort_by_key(|piece| seed.rotate_left(u32::try_from(piece.0 % 64).unwrap()) ^ piece.1 as u64);
            let mut parts = PartialChecksums::default();
            for (from, to) in pieces.iter().chain(again.then(|| &pieces[0])) {
                parts.insert(*from as u64..*to as u64, crc32fast::hash(&bytes[*from..*to]));
            }
            prop_assert_eq!(parts.whole_checksum(bytes.len() as u64), Some(crc32fast::hash(&bytes)));
        }
    }
}
