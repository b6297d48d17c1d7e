//! The checksums of one manifest, shared by all transfers in this process.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::domain::checksums::PartialChecksums;

/// Set where a checksum is known; the rest is the checksum.
const KNOWN: u64 = 1 << 32;

/// Checksums by the index of their member.
pub type RecordedChecksums = Vec<(usize, u32)>;

#[derive(Debug)]
pub struct MemberChecksums {
    known: Vec<AtomicU64>,
    parts: Mutex<HashMap<usize, PartialChecksums>>,
    /// Members whose checksum is not stored in the database yet.
    unsaved: Mutex<Vec<usize>>,
}

/// A file has another checksum than the one that was known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChecksumMismatch;

impl MemberChecksums {
    /// `all` has the size and the checksum of each member.
    pub fn new(all: impl Iterator<Item = (u64, Option<u32>)>) -> Self {
        let known = all.map(|(size, crc)| {
            let crc = if size == 0 { Some(0) } else { crc };
            AtomicU64::new(crc.map_or(0, |crc| KNOWN | u64::from(crc)))
        });
        Self { known: known.collect(), parts: Mutex::default(), unsaved: Mutex::default() }
    }

    pub fn get(&self, member: usize) -> Option<u32> {
        let known = self.known.get(member)?.load(Ordering::Acquire);
        (known & KNOWN != 0).then(|| u32::try_from(known & 0xFFFF_FFFF).unwrap_or_default())
    }

    pub fn is_complete(&self) -> bool {
        (0..self.known.len()).all(|member| self.get(member).is_some())
    }

    /// Sets a checksum; [`ChecksumMismatch`] if another one is known.
    pub fn record_checksum(&self, member: usize, crc: u32) -> Result<(), ChecksumMismatch> {
        if self.insert(member, crc)? {
            self.unsaved.lock().unwrap_or_else(PoisonError::into_inner).push(member);
        }
        Ok(())
    }

    /// Takes over checksums that other processes have stored.
    pub fn merge_stored(&self, stored: &[(usize, u32)]) -> Result<(), ChecksumMismatch> {
        stored.iter().try_for_each(|(member, crc)| self.insert(*member, *crc).map(drop))
    }

    /// Whether it was unknown before.
    fn insert(&self, member: usize, crc: u32) -> Result<bool, ChecksumMismatch> {
        let Some(known) = self.known.get(member) else { return Ok(false) };
        let new = KNOWN | u64::from(crc);
        match known.compare_exchange(0, new, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => Ok(true),
            Err(present) if present == new => Ok(false),
            Err(_) => Err(ChecksumMismatch),
        }
    }

    /// Records the checksum of a part of a member of `size` bytes; the last part gives the checksum of the member.
    pub fn record_part(&self, member: usize, size: u64, part: Range<u64>, crc: u32) -> Result<(), ChecksumMismatch> {
        if part == (0..size) {
            return self.record_checksum(member, crc);
        }
        if self.get(member).is_some() {
            return Ok(());
        }
        let whole = {
            let mut all = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
            let parts = all.entry(member).or_default();
            parts.insert(part, crc);
            let whole = parts.whole_checksum(size);
            if whole.is_some() {
                all.remove(&member);
            }
            whole
        };
        whole.map_or(Ok(()), |crc| self.record_checksum(member, crc))
    }

    /// How many checksums [`take_unsaved`](Self::take_unsaved) would return.
    pub fn unsaved_count(&self) -> usize {
        self.unsaved.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Checksums that were recorded since the last call, to be stored.
    pub fn take_unsaved(&self) -> RecordedChecksums {
        let unsaved = std::mem::take(&mut *self.unsaved.lock().unwrap_or_else(PoisonError::into_inner));
        unsaved.into_iter().filter_map(|member| Some((member, self.get(member)?))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checksum_is_recorded_once() {
        let checksums = MemberChecksums::new([(0, None), (3, Some(7)), (9, None)].into_iter());
        assert_eq!([0, 1, 2].map(|member| checksums.get(member)), [Some(0), Some(7), None]);
        assert_eq!(checksums.record_checksum(2, 5), Ok(()));
        assert_eq!(checksums.record_checksum(2, 5), Ok(()));
        assert_eq!(checksums.record_checksum(2, 6), Err(ChecksumMismatch));
        assert_eq!(checksums.record_part(1, 3, 0..3, 8), Err(ChecksumMismatch), "a whole pass is compared");
        assert!(checksums.is_complete());
        assert_eq!(checksums.take_unsaved(), [(2, 5)]);
        assert_eq!(checksums.take_unsaved(), []);
    }
}
