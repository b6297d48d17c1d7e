//! The checksums of one manifest, shared by all its transfers of this process.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::domain::checksums::Parts;

/// Set where a checksum is known; the rest is the checksum.
const KNOWN: u64 = 1 << 32;

#[derive(Debug)]
pub struct Crcs {
    known: Vec<AtomicU64>,
    parts: Mutex<HashMap<usize, Parts>>,
    /// Learned here and not stored yet.
    fresh: Mutex<Vec<usize>>,
}

/// A file has another checksum than was known of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Differs;

impl Crcs {
    /// Size and checksum of each member.
    pub fn new(all: impl Iterator<Item = (u64, Option<u32>)>) -> Self {
        let known = all.map(|(size, crc)| {
            let crc = if size == 0 { Some(0) } else { crc };
            AtomicU64::new(crc.map_or(0, |crc| KNOWN | u64::from(crc)))
        });
        Self { known: known.collect(), parts: Mutex::default(), fresh: Mutex::default() }
    }

    pub fn get(&self, member: usize) -> Option<u32> {
        let known = self.known.get(member)?.load(Ordering::Acquire);
        (known & KNOWN != 0).then(|| u32::try_from(known & 0xFFFF_FFFF).unwrap_or_default())
    }

    pub fn all_known(&self) -> bool {
        (0..self.known.len()).all(|member| self.get(member).is_some())
    }

    /// Sets a checksum; [`Differs`] if another one is known.
    pub fn learn(&self, member: usize, crc: u32) -> Result<(), Differs> {
        if self.set(member, crc)? {
            self.fresh.lock().unwrap_or_else(PoisonError::into_inner).push(member);
        }
        Ok(())
    }

    /// Takes over what another process has stored.
    pub fn adopt(&self, stored: &[(usize, u32)]) -> Result<(), Differs> {
        stored.iter().try_for_each(|(member, crc)| self.set(*member, *crc).map(drop))
    }

    /// Whether it was news.
    fn set(&self, member: usize, crc: u32) -> Result<bool, Differs> {
        let Some(known) = self.known.get(member) else { return Ok(false) };
        let new = KNOWN | u64::from(crc);
        match known.compare_exchange(0, new, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => Ok(true),
            Err(present) if present == new => Ok(false),
            Err(_) => Err(Differs),
        }
    }

    /// Adds the checksum of a part of a member of `size` bytes, and sets the member's once its parts are all there.
    pub fn learn_part(&self, member: usize, size: u64, part: Range<u64>, crc: u32) -> Result<(), Differs> {
        if part == (0..size) {
            return self.learn(member, crc);
        }
        if self.get(member).is_some() {
            return Ok(());
        }
        let whole = {
            let mut all = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
            let parts = all.entry(member).or_default();
            parts.add(part, crc);
            let whole = parts.whole(size);
            if whole.is_some() {
                all.remove(&member);
            }
            whole
        };
        whole.map_or(Ok(()), |crc| self.learn(member, crc))
    }

    /// How many were learned since the last time.
    pub fn fresh_count(&self) -> usize {
        self.fresh.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// What was learned since the last time, for storing.
    pub fn take_fresh(&self) -> Vec<(usize, u32)> {
        let fresh = std::mem::take(&mut *self.fresh.lock().unwrap_or_else(PoisonError::into_inner));
        fresh.into_iter().filter_map(|member| Some((member, self.get(member)?))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checksum_is_set_once() {
        let crcs = Crcs::new([(0, None), (3, Some(7)), (9, None)].into_iter());
        assert_eq!([0, 1, 2].map(|member| crcs.get(member)), [Some(0), Some(7), None]);
        assert_eq!(crcs.learn(2, 5), Ok(()));
        assert_eq!(crcs.learn(2, 5), Ok(()));
        assert_eq!(crcs.learn(2, 6), Err(Differs));
        assert_eq!(crcs.learn_part(1, 3, 0..3, 8), Err(Differs), "a whole pass is compared");
        assert!(crcs.all_known());
        assert_eq!(crcs.take_fresh(), [(2, 5)]);
        assert_eq!(crcs.take_fresh(), []);
    }
}
