//! Checks whether the datafiles of a prepared selection are still in the catalogue. The reader account asks, because the
//! owner of a prepared id has shown no session; the answer counts for a minute, so that not every range asks again.

use std::sync::Arc;
use std::time::Duration;

use icat_client::client::ReaderAccount;
use service_kit::{Clock, Problem};

use crate::error::{from_icat_error, not_found};
use crate::manifest::Manifest;

/// How long an answer of the catalogue counts.
const VALIDITY: Duration = Duration::from_mins(1);

/// Looks up the datafiles of manifests.
pub struct DeletedDatafilesCheck {
    reader: Option<ReaderAccount>,
    clock: Arc<dyn Clock>,
}

impl DeletedDatafilesCheck {
    pub fn new(reader: Option<ReaderAccount>, clock: Arc<dyn Clock>) -> Self {
        Self { reader, clock }
    }

    /// 404 if one of the datafiles was deleted. Without a reader account deletions cannot be noticed here; a deletion
    /// through this service removes the file as well.
    pub async fn require_datafiles(&self, manifest: &Manifest) -> Result<(), Problem> {
        let now = self.clock.now_micros();
        let Some(reader) = &self.reader else { return Ok(()) };
        if manifest.sources.is_empty() || manifest.was_catalogued_since(now - VALIDITY) {
            return Ok(());
        }
        let mut ids: Vec<i64> = manifest.sources.iter().map(|source| source.datafile).collect();
        ids.sort_unstable();
        ids.dedup();
        let found =
            reader.with_session(async |icat, session| icat.list_readable_ids(session, "Datafile", &ids).await).await;
        if found.map_err(from_icat_error)?.len() < ids.len() {
            return Err(not_found("One of the datafiles requested has been deleted"));
        }
        manifest.set_catalogued_at(now);
        Ok(())
    }
}
