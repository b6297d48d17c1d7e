//! The changes of an administrative command.

use serde::Serialize;

/// Created, changed and removed rows, each with kind and key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    pub created: Vec<String>,
    /// Changed attributes, with the old and the new value.
    pub changed: Vec<String>,
    pub removed: Vec<String>,
    /// How many rows existed already.
    pub unchanged: usize,
    /// Stored rows with other values, with the first difference.
    pub conflicts: Vec<String>,
    /// Further information.
    pub notes: Vec<String>,
}

impl Report {
    /// A line for each created, changed or removed row, then the notes.
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
