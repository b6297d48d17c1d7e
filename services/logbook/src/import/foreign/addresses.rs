//! Finds the attachment that a link in a text of another notebook refers to.

use std::collections::HashMap;

use aho_corasick::{AhoCorasick, MatchKind};

use crate::export::eln_line::FileLine;
use crate::import::ro_crate::normalize_path;

/// Shorter names may be part of an address by chance.
const MAX_COMMON_NAME: usize = 20;

/// A file, and another name by which a text may refer to it.
pub struct NamedFile {
    pub file: FileLine,
    pub alternate: Option<String>,
}

/// Finds the file of an entry by an address in its text: by the whole name, or by a long name that is part of the address.
pub struct Addresses {
    whole: HashMap<String, String>,
    parts: AhoCorasick,
    ids: Vec<String>,
}

impl Addresses {
    pub fn new(named: &[NamedFile]) -> Result<Self, String> {
        let (mut whole, mut parts, mut ids) = (HashMap::new(), Vec::new(), Vec::new());
        for NamedFile { file, alternate } in named {
            for name in [Some(&file.path), alternate.as_ref()].into_iter().flatten() {
                whole.entry(name.clone()).or_insert_with(|| file.id.clone());
                if name.len() > MAX_COMMON_NAME {
                    parts.push(name.clone());
                    ids.push(file.id.clone());
                }
            }
        }
        let parts = AhoCorasick::builder().match_kind(MatchKind::LeftmostFirst).build(parts);
        Ok(Self { whole, parts: parts.map_err(|e| format!("its files cannot be told apart: {e}"))?, ids })
    }

    pub fn find_id(&self, address: &str) -> Option<String> {
        let address = normalize_path(address);
        let within = || self.parts.find(&address).map(|found| &self.ids[found.pattern()]);
        self.whole.get(&address).or_else(within).cloned()
    }
}
