//! The ids of the rows of a dump by the keys of their records, in little memory.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};

use super::record::Record;
use super::row_key::is_canonical_key;

/// Keys are kept as hashes of 128 bits: 24 bytes for each row. That two keys of a billion have the same hash has a probability of
/// 1 : 10²⁰.
#[derive(Default)]
pub struct RecordIds {
    ids: HashMap<[u64; 2], i64>,
    hashers: [RandomState; 2],
}

impl RecordIds {
    /// Most rows of a catalogue are datafiles, and few of them are referred to; those are found by their unique key.
    pub fn insert(&mut self, record: &Record, id: i64) {
        if record.entity.name != "Datafile" || !is_canonical_key(record) {
            self.ids.insert(self.hash_key(&record.key), id);
        }
    }

    pub fn get(&self, key: &str) -> Option<i64> {
        self.ids.get(&self.hash_key(key)).copied()
    }

    fn hash_key(&self, key: &str) -> [u64; 2] {
        [self.hashers[0].hash_one(key), self.hashers[1].hash_one(key)]
    }
}
