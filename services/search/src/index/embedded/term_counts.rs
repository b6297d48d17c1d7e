//! How often each term of a segment was seen.

use std::collections::HashMap;

/// Dictionaries up to this size are counted in a list.
const MAX_LISTED_TERMS: usize = 1 << 16;

/// Counts by the number of the term in its segment.
pub enum TermCounts {
    Listed(Vec<u64>),
    Mapped(HashMap<u64, u64>),
}

impl TermCounts {
    pub fn new(terms: usize) -> Self {
        if terms <= MAX_LISTED_TERMS { Self::Listed(vec![0; terms]) } else { Self::Mapped(HashMap::new()) }
    }

    pub fn count_term(&mut self, number: u64) {
        match self {
            Self::Listed(counts) => {
                if let Some(count) = usize::try_from(number).ok().and_then(|number| counts.get_mut(number)) {
                    *count += 1;
                }
            }
            Self::Mapped(counts) => *counts.entry(number).or_default() += 1,
        }
    }

    /// The terms that were seen.
    pub fn into_counts(self) -> Vec<(u64, u64)> {
        match self {
            Self::Listed(counts) => (0..).zip(counts).filter(|(_, count)| *count > 0).collect(),
            Self::Mapped(counts) => counts.into_iter().collect(),
        }
    }
}
