//! What an administrative command changed.

use serde::Serialize;

/// Rows by what happened to them; each is named by its kind and its key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    pub created: Vec<String>,
    /// Rows of which an attribute was filled in or changed, with the old and the new value.
    pub changed: Vec<String>,
    pub removed: Vec<String>,
    /// How many rows were there already.
    pub unchanged: usize,
    /// Rows that are stored with other values than were given, with the first value that differs.
    pub conflicts: Vec<String>,
    /// What else one should know.
    pub notes: Vec<String>,
}

impl Report {
    /// A line for each row that was created, changed or removed, or that there was nothing to do; then the notes.
    pub fn render_text(&self) -> String {
        let created = self.created.iter().map(|row| format!("created {row}"));
        let changed = self.changed.iter().map(|change| format!("changed {change}"));
        let mut lines: Vec<String> =
            created.chain(changed).chain(self.removed.iter().map(|row| format!("removed {row}"))).collect();
        if lines.is_empty() {
            lines.push("nothing to do: it is so already".to_owned());
        }
        lines.extend(self.notes.iter().map(|note| format!("note: {note}")));
        lines.join("\n")
    }
}
