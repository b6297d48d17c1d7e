//! The entity tag of an entry.

use aws_lc_rs::digest::{SHA256, digest};
use service_kit::DbError;

use crate::domain::chain::joined;
use crate::domain::ids::hex;
use crate::store::entries::{Entry, body};

impl Entry {
    /// The entity tag (RFC 9110, section 8.8.3) of everything that is shown of it: also its tags, where it lies, and whether
    /// it was removed, none of which makes a new version.
    pub fn entity_tag(&self) -> Result<String, DbError> {
        let parts = [
            self.version.to_string(),
            self.updated_at.to_string(),
            self.removed.to_string(),
            self.book.name(),
            body(&self.event)?,
        ];
        let text = joined("undulator logbook entry 1", &parts.each_ref().map(String::as_str));
        let mut hash = hex(digest(&SHA256, text.as_bytes()).as_ref());
        hash.truncate(16);
        Ok(format!("\"{}-{hash}\"", self.version))
    }
}
