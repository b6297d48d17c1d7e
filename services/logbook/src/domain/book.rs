//! The three levels of logbooks.

use service_kit::words::fold;

/// Whose logbook it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Book {
    Investigation(i64),
    /// Folded name.
    Instrument(String),
    Facility,
}

impl Book {
    pub fn of(investigation: Option<i64>, instrument: Option<&str>) -> Self {
        match (investigation, instrument.map(fold)) {
            (Some(id), _) => Self::Investigation(id),
            (None, Some(name)) if !name.is_empty() => Self::Instrument(name),
            (None, _) => Self::Facility,
        }
    }

    /// The investigation of a name such as `investigation/4711`.
    pub fn investigation(name: &str) -> Option<i64> {
        name.strip_prefix("investigation/")?.parse().ok()
    }

    /// As it stands in the database and in events.
    pub fn name(&self) -> String {
        match self {
            Self::Investigation(id) => format!("investigation/{id}"),
            Self::Instrument(name) => format!("instrument/{name}"),
            Self::Facility => "facility".to_owned(),
        }
    }
}
