//! What an embedded catalogue tells the checks of other services in its process.

/// The kinds of rows that a catalogue has, whoever may read them. Nothing is known of a catalogue elsewhere.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoredKinds(Option<Vec<&'static str>>);

impl StoredKinds {
    /// All kinds of which there is at least one row.
    pub fn from_kinds(kinds: Vec<&'static str>) -> Self {
        Self(Some(kinds))
    }

    /// Whether there is a row of this kind; `None` if nobody knows.
    pub fn has_rows(&self, kind: &str) -> Option<bool> {
        self.0.as_ref().map(|kinds| kinds.contains(&kind))
    }
}
