//! What `undulator doctor` knows about an embedded catalogue, for the checks of other services.

/// The entities that have rows in the catalogue, regardless of permissions. Unknown for a catalogue in another process.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoredKinds(Option<Vec<&'static str>>);

impl StoredKinds {
    /// All entities with at least one row.
    pub fn from_kinds(kinds: Vec<&'static str>) -> Self {
        Self(Some(kinds))
    }

    /// Whether the entity has rows; `None` if it is unknown.
    pub fn has_rows(&self, kind: &str) -> Option<bool> {
        self.0.as_ref().map(|kinds| kinds.contains(&kind))
    }
}
