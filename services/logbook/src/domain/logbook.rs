//! The three levels of logbooks.

use service_kit::fulltext::fold_text;

/// Whose logbook it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Book {
    Investigation(i64),
    /// Folded name.
    Instrument(String),
    Facility,
    /// What programs wrote for an investigation that is not known or closed, and no instrument: for administrators, until it is
    /// bound.
    Unplaced,
}

impl Book {
    pub fn of(investigation: Option<i64>, instrument: Option<&str>) -> Self {
        match (investigation, instrument.map(fold_text)) {
            (Some(id), _) => Self::Investigation(id),
            (None, Some(name)) if !name.is_empty() => Self::Instrument(name),
            (None, _) => Self::Facility,
        }
    }

    /// The investigation of a name such as `investigation/4711`.
    pub fn investigation(name: &str) -> Option<i64> {
        name.strip_prefix("investigation/")?.parse().ok()
    }

    /// The inverse of [`Self::name`].
    pub fn from_name(name: &str) -> Option<Self> {
        match name.split_once('/') {
            Some(("investigation", id)) => id.parse().ok().map(Self::Investigation),
            Some(("instrument", instrument)) => Some(Self::Instrument(instrument.to_owned())),
            None if name == "facility" => Some(Self::Facility),
            None if name == "unplaced" => Some(Self::Unplaced),
            _ => None,
        }
    }

    /// As it stands in the database and in events.
    pub fn name(&self) -> String {
        match self {
            Self::Investigation(id) => format!("investigation/{id}"),
            Self::Instrument(name) => format!("instrument/{name}"),
            Self::Facility => "facility".to_owned(),
            Self::Unplaced => "unplaced".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for book in [Book::Investigation(4711), Book::Instrument("a/b".to_owned()), Book::Facility, Book::Unplaced] {
            assert_eq!(Book::from_name(&book.name()), Some(book));
        }
        assert_eq!(Book::from_name("investigation/x"), None);
    }
}
