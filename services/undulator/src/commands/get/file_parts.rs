//! The parts of a file, and which of them are complete. Only whole parts count, so that the state of any file is small, and
//! a killed run loses at most one part per connection.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::{Deserialize, Serialize};

const MIB: u64 = 1 << 20;
/// Part size of ordinary files; smaller files have one part.
pub const MIN_PART_SIZE: u64 = 16 * MIB;
/// Part size of very large files.
const MAX_PART_SIZE: u64 = 64 * MIB;
/// Files with more parts get larger ones.
const MANY_PARTS: u64 = 4096;

/// The part size for a file of this size.
pub fn part_size(size: u64) -> u64 {
    size.div_ceil(MANY_PARTS).next_multiple_of(MIB).clamp(MIN_PART_SIZE, MAX_PART_SIZE)
}

/// The parts of a file in order; an empty file has one empty part.
pub fn list_parts(size: u64) -> impl Iterator<Item = Range<u64>> {
    let part = part_size(size);
    (0..size.div_ceil(part).max(1)).map(move |n| n * part..((n + 1) * part).min(size))
}

/// The state of an incomplete file, which is written beside it. It contains no secrets and no personal data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartialState {
    version: u32,
    pub size: u64,
    /// The version of the file that the parts belong to.
    pub etag: String,
    /// First byte of each part that is on disk, and the CRC-32 of its bytes.
    parts: BTreeMap<u64, u32>,
}

const VERSION: u32 = 1;

impl PartialState {
    pub fn new(size: u64, etag: String) -> Self {
        Self { version: VERSION, size, etag, parts: BTreeMap::new() }
    }

    /// Parses a state file; `None` if it is damaged, foreign, or of a file of another size.
    pub fn parse(text: &[u8], size: u64) -> Option<Self> {
        let state: Self = serde_json::from_slice(text).ok()?;
        let known = |first: &u64| first.is_multiple_of(part_size(size)) && *first < size.max(1);
        let sound = state.version == VERSION
            && state.size == size
            && state.etag.starts_with('"')
            && state.etag.bytes().all(|b| b.is_ascii_graphic())
            && state.parts.keys().all(known);
        sound.then_some(state)
    }

    pub fn insert(&mut self, part: &Range<u64>, crc: u32) {
        self.parts.insert(part.start, crc);
    }

    pub fn remove(&mut self, part: &Range<u64>) {
        self.parts.remove(&part.start);
    }

    pub fn crc(&self, part: &Range<u64>) -> Option<u32> {
        self.parts.get(&part.start).copied()
    }

    /// Parts that are on disk.
    pub fn list_present(&self) -> Vec<Range<u64>> {
        list_parts(self.size).filter(|part| self.crc(part).is_some()).collect()
    }

    pub fn list_missing(&self) -> Vec<Range<u64>> {
        list_parts(self.size).filter(|part| self.crc(part).is_none()).collect()
    }

    /// The checksum of the file, if it is complete.
    pub fn whole_checksum(&self) -> Option<u32> {
        let mut whole = crc32fast::Hasher::new();
        for part in list_parts(self.size) {
            whole.combine(&crc32fast::Hasher::new_with_initial_len(self.crc(&part)?, part.end - part.start));
        }
        Some(whole.finalize())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ETAG: &str = "\"v1\"";

    #[test]
    fn parts_grow_with_the_file_within_bounds() {
        assert_eq!(list_parts(0).collect::<Vec<_>>(), std::slice::from_ref(&(0..0)));
        assert_eq!(list_parts(MIN_PART_SIZE).collect::<Vec<_>>(), std::slice::from_ref(&(0..MIN_PART_SIZE)));
        assert_eq!(
            list_parts(MIN_PART_SIZE + 1).collect::<Vec<_>>(),
            [0..MIN_PART_SIZE, MIN_PART_SIZE..MIN_PART_SIZE + 1]
        );
        assert_eq!(part_size(100 << 30), 25 * MIB);
        assert_eq!(part_size(u64::MAX / 2), MAX_PART_SIZE);
        assert!(list_parts(1 << 40).count() <= 16_384);
    }

    #[test]
    fn a_state_comes_back_and_a_foreign_one_does_not() {
        let size = 3 * MIN_PART_SIZE;
        let mut state = PartialState::new(size, ETAG.to_owned());
        state.insert(&(MIN_PART_SIZE..2 * MIN_PART_SIZE), 7);
        let text = serde_json::to_vec(&state).unwrap();
        assert_eq!(PartialState::parse(&text, size), Some(state.clone()));
        assert_eq!(state.list_missing(), [0..MIN_PART_SIZE, 2 * MIN_PART_SIZE..size]);
        assert_eq!(state.list_present(), std::slice::from_ref(&(MIN_PART_SIZE..2 * MIN_PART_SIZE)));
        assert_eq!(PartialState::parse(&text, size + 1), None, "another size");
        assert_eq!(PartialState::parse(&text[..text.len() - 1], size), None, "cut off");
        for (from, to) in [("16777216", "16777217"), ("\"version\":1", "\"version\":2"), ("\\\"v1", "W/\\\"v1")] {
            let other = String::from_utf8(text.clone()).unwrap().replace(from, to);
            assert_eq!(PartialState::parse(other.as_bytes(), size), None, "{other}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]
        #[test]
        fn parts_cover_a_file_once(size in prop_oneof![0..200 * MIB, 0..u64::from(u32::MAX) << 8]) {
            let mut at = 0;
            for part in list_parts(size) {
                prop_assert_eq!(part.start, at);
                prop_assert!(part.end - part.start <= part_size(size));
                at = part.end;
            }
            prop_assert_eq!(at, size);
        }

        #[test]
        fn no_text_makes_a_state_panic(text in "[ -~]{0,60}") {
            PartialState::parse(text.as_bytes(), 1);
        }
    }

    #[test]
    fn checksums_of_parts_make_that_of_the_file() {
        let bytes = vec![3; usize::try_from(MIN_PART_SIZE).unwrap() + 5];
        let mut state = PartialState::new(bytes.len() as u64, ETAG.to_owned());
        assert_eq!(state.whole_checksum(), None);
        for part in list_parts(state.size) {
            let (from, to) = (usize::try_from(part.start).unwrap(), usize::try_from(part.end).unwrap());
            state.insert(&part, crc32fast::hash(&bytes[from..to]));
        }
        assert_eq!(state.whole_checksum(), Some(crc32fast::hash(&bytes)));
    }
}
