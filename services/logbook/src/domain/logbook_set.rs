//! A set of logbooks, of which there may be very many.

use std::collections::BTreeSet;
use std::sync::Arc;

use roaring::RoaringTreemap;

use crate::domain::logbook::Logbook;

/// The logbooks of some investigations and instruments, and that of the facility. Cheap to clone.
#[derive(Debug, Clone, PartialEq)]
pub struct LogbookSet {
    pub investigations: Arc<RoaringTreemap>,
    /// Folded names.
    pub instruments: Arc<BTreeSet<String>>,
}

impl LogbookSet {
    pub fn contains(&self, logbook: &Logbook) -> bool {
        match logbook {
            Logbook::Investigation(id) => u64::try_from(*id).is_ok_and(|id| self.investigations.contains(id)),
            Logbook::Instrument(name) => self.instruments.contains(name),
            Logbook::Facility => true,
            Logbook::Unassigned => false,
        }
    }

    /// How many there are.
    pub fn len(&self) -> u64 {
        self.investigations.len() + self.instruments.len() as u64 + 1
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = Logbook> {
        let investigations = self.investigations.iter().filter_map(|id| i64::try_from(id).ok());
        let instruments = self.instruments.iter().cloned().map(Logbook::Instrument);
        investigations.map(Logbook::Investigation).chain(instruments).chain([Logbook::Facility])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_contains_what_it_lists() {
        let set = LogbookSet {
            investigations: Arc::new([20, 22].into_iter().collect()),
            instruments: Arc::new(["bl07".to_owned()].into()),
        };
        let instrument = |name: &str| Logbook::Instrument(name.to_owned());
        let listed = [Logbook::Investigation(20), Logbook::Investigation(22), instrument("bl07"), Logbook::Facility];
        assert_eq!(set.iter().collect::<Vec<_>>(), listed);
        assert_eq!(set.len(), 4);
        assert!(listed.iter().all(|logbook| set.contains(logbook)));
        let others = [Logbook::Investigation(21), Logbook::Investigation(-20), instrument("bl08"), Logbook::Unassigned];
        assert!(!others.iter().any(|logbook| set.contains(logbook)));
    }
}
