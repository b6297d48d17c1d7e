//! A line of `entries.jsonl` in an `.eln`: everything that is needed to create the entry again.

use serde::{Deserialize, Serialize};
use service_kit::Micros;

use crate::domain::entry::Entry;
use crate::domain::entry_content::EntryContent;
use crate::export::zip_stream::safe_filename;
use crate::store::attachments::Attachment;

/// An entry.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct EntryLine {
    pub id: String,
    pub version: i64,
    pub created_at: Micros,
    pub updated_at: Micros,
    #[serde(rename = "event")]
    pub content: EntryContent,
    pub files: Vec<FileLine>,
}

/// An attachment of an entry.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FileLine {
    pub id: String,
    pub filename: String,
    pub sha256: String,
    pub bytes: i64,
    /// Relative to the top-level directory of the archive.
    pub path: String,
}

impl EntryLine {
    pub fn new(entry: Entry, files: &[Attachment]) -> Self {
        let Entry { id, version, created_at, updated_at, content, .. } = entry;
        Self { id, version, created_at, updated_at, content, files: files.iter().map(FileLine::new).collect() }
    }
}

impl FileLine {
    pub fn new(attachment: &Attachment) -> Self {
        let Attachment { id, filename, sha256, bytes, entry_id, .. } = attachment;
        let path = format!("{entry_id}/{id}-{}", safe_filename(filename));
        Self { id: id.clone(), filename: filename.clone(), sha256: sha256.clone(), bytes: *bytes, path }
    }
}
