//! Logbooks and their names.

use service_kit::fulltext::fold_text;

use crate::domain::invalid::Invalid;
use crate::domain::values::{check_instrument_name, parse_number};

/// A logbook: of an investigation, of an instrument, or of the facility.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Logbook {
    Investigation(i64),
    /// Folded name.
    Instrument(String),
    Facility,
    /// What programs wrote for an investigation that is not known or closed, and no instrument: for administrators, until it is
    /// assigned.
    Unassigned,
}

impl Logbook {
    /// The logbook that a request names.
    pub fn parse(investigation: Option<&str>, instrument: Option<&str>) -> Result<Self, Invalid> {
        if let Some(name) = instrument {
            check_instrument_name(name)?;
        }
        Ok(Self::from_ids(parse_number("investigationId", investigation)?, instrument))
    }

    pub fn from_ids(investigation: Option<i64>, instrument: Option<&str>) -> Self {
        match (investigation, instrument.map(fold_text)) {
            (Some(id), _) => Self::Investigation(id),
            (None, Some(name)) if !name.is_empty() => Self::Instrument(name),
            (None, _) => Self::Facility,
        }
    }

    /// The investigation of a name such as `investigation/4711`.
    pub fn parse_investigation_id(name: &str) -> Option<i64> {
        name.strip_prefix("investigation/")?.parse().ok()
    }

    /// The inverse of [`Self::name`].
    pub fn from_name(name: &str) -> Option<Self> {
        match name.split_once('/') {
            Some(("investigation", id)) => id.parse().ok().map(Self::Investigation),
            Some(("instrument", instrument)) => Some(Self::Instrument(instrument.to_owned())),
            None if name == "facility" => Some(Self::Facility),
            None if name == "unplaced" => Some(Self::Unassigned),
            _ => None,
        }
    }

    /// As it stands in the database and in events.
    pub fn name(&self) -> String {
        match self {
            Self::Investigation(id) => format!("investigation/{id}"),
            Self::Instrument(name) => format!("instrument/{name}"),
            Self::Facility => "facility".to_owned(),
            Self::Unassigned => "unplaced".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for book in [
            Logbook::Investigation(4711),
            Logbook::Instrument("a/b".to_owned()),
            Logbook::Facility,
            Logbook::Unassigned,
        ] {
            assert_eq!(Logbook::from_name(&book.name()), Some(book));
        }
        assert_eq!(Logbook::from_name("investigation/x"), None);
    }
}
