//! What an administrative command changed.

use serde::Serialize;

/// Rows by what happened to them; each is named by its kind and its key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    pub created: Vec<String>,
    pub removed: Vec<String>,
    /// How many rows were there already.
    pub unchanged: usize,
    /// Rows that are stored with other values than were given, with the first value that differs.
    pub conflicts: Vec<String>,
}

impl Report {
    /// A line for each row that was created or removed, or that there was nothing to do.
    pub fn lines(&self) -> Vec<String> {
        let created = self.created.iter().map(|row| format!("created {row}"));
        let lines: Vec<String> = created.chain(self.removed.iter().map(|row| format!("removed {row}"))).collect();
        if lines.is_empty() { vec!["nothing to do: it is so already".to_owned()] } else { lines }
    }
}
