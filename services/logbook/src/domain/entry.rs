//! A stored entry.

use aws_lc_rs::digest::{SHA256, digest};
use service_kit::Micros;

use crate::domain::entry_content::EntryContent;
use crate::domain::ids::{encode_hex, join_parts};
use crate::domain::logbook::Logbook;

/// An entry's present state.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    pub id: String,
    /// Rises with every new entry.
    pub seq: i64,
    pub logbook_id: i64,
    /// The logbook of this id, by whose permissions the entry is read and written, whatever its content says.
    pub logbook: Logbook,
    pub created_at: Micros,
    pub updated_at: Micros,
    /// From 1.
    pub version: i64,
    pub removed: bool,
    /// Written by a program after the investigation was released.
    pub late: bool,
    pub content: EntryContent,
}

/// The version that an update must meet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VersionCondition {
    /// Whatever there is: the last writer wins, as in ICAT+.
    Any,
    /// One of these entity tags.
    OneOf(Vec<String>),
}

impl Entry {
    /// The entity tag (RFC 9110, section 8.8.3) of everything that is shown of it: also its tags, its logbook, and whether it
    /// was removed, none of which makes a new version.
    pub fn etag(&self) -> Result<String, serde_json::Error> {
        let parts = [
            self.version.to_string(),
            self.updated_at.as_i64().to_string(),
            self.removed.to_string(),
            self.logbook.name(),
            serde_json::to_string(&self.content)?,
        ];
        let text = join_parts("undulator logbook entry 1", &parts.each_ref().map(String::as_str));
        let mut hash = encode_hex(digest(&SHA256, text.as_bytes()).as_ref());
        hash.truncate(16);
        Ok(format!("\"{}-{hash}\"", self.version))
    }
}
