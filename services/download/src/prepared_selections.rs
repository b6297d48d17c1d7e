//! Prepared selections, known by the id that `prepareData` answered.

use std::sync::Arc;
use std::time::Duration;

use events::Outbox;
use events::messages::download::SelectionPrepared;
use service_kit::{Clock, Ctx, Db, DbError, Ids, Problem};
use tokio::sync::Notify;

use crate::config::Config;
use crate::domain::archive::LayoutFormat;
use crate::domain::manifest_entry::MissingFile;
use crate::error;
use crate::manifest::{Manifest, Manifests, SelectedFiles, store_manifest};
use crate::store;
pub use crate::store::prepared_selections::PreparedSelection;

/// Creates and finds prepared selections.
pub struct PreparedSelections {
    db: Db,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    outbox: Outbox,
    manifests: Arc<Manifests>,
    lifetime: Duration,
    /// Wakes the worker that computes checksums.
    checksums_wanted: Arc<Notify>,
}

/// How a selection is to be downloaded, and by whom it was prepared.
pub struct PrepareOptions {
    /// ICAT user name.
    pub owner: String,
    pub zip: bool,
    pub compress: bool,
}

impl PreparedSelections {
    pub fn new(
        ctx: &Ctx,
        config: &Config,
        outbox: Outbox,
        manifests: Arc<Manifests>,
        checksums_wanted: Arc<Notify>,
    ) -> Self {
        Self {
            db: ctx.db.clone(),
            clock: Arc::clone(&ctx.clock),
            ids: Arc::clone(&ctx.ids),
            outbox,
            manifests,
            lifetime: config.prepared_lifetime,
            checksums_wanted,
        }
    }

    /// Stores a selection; the id under which it can be downloaded.
    pub async fn create_selection(&self, selected: SelectedFiles, options: PrepareOptions) -> Result<String, Problem> {
        let SelectedFiles { entries, missing } = selected;
        let PrepareOptions { owner, zip, compress } = options;
        let id = self.ids.random_uuid().to_string();
        let now = self.clock.now_micros();
        let expires_at = now + self.lifetime;
        self.db
            .write(async |tx| -> Result<(), Problem> {
                let stored = store_manifest(tx, &entries, now).await?;
                let row = PreparedSelection {
                    owner: owner.clone(),
                    manifest: stored.id,
                    zip,
                    compress,
                    expires_at,
                    changed_datafile: None,
                };
                let number = store::prepared_selections::create_prepared_selection(tx, &id, &row, now).await?;
                store::missing_files::create_missing_files(tx, &id, &missing).await?;
                // The checksums at the end of the archive are to be ready when it is downloaded.
                if zip && !compress && stored.zip_format == LayoutFormat::ZipBlocks {
                    store::checksum_jobs::enqueue_manifest(tx, stored.id, now).await?;
                    tx.notify_on_commit(&self.checksums_wanted);
                }
                let (files, bytes) = (stored.files, stored.bytes);
                let event = SelectionPrepared { id: number, subject: owner.clone(), files, bytes };
                self.outbox.emit(tx, &event).await?;
                Ok(())
            })
            .await?;
        Ok(id)
    }

    /// The selection with this id; 404 if it is unknown, has expired, or one of its files has changed.
    pub async fn find_by_id(&self, id: &str) -> Result<PreparedSelection, Problem> {
        let found = {
            let mut tx = self.db.read().await?;
            store::prepared_selections::get_prepared_selection(&mut tx, id).await?
        };
        let unknown = || error::not_found(format!("The preparedId {id} is not known"));
        let prepared = found.ok_or_else(unknown)?;
        if prepared.expires_at <= self.clock.now_micros() {
            return Err(error::not_found(format!("The preparedId {id} has expired; prepare the selection again")));
        }
        match prepared.changed_datafile {
            Some(datafile) => Err(error::file_changed(datafile)),
            None => Ok(prepared),
        }
    }

    /// The same, with its manifest.
    pub async fn load_with_manifest(&self, id: &str) -> Result<(PreparedSelection, Arc<Manifest>), Problem> {
        let prepared = self.find_by_id(id).await?;
        let manifest = self.manifests.load_manifest(prepared.manifest).await?;
        // Another request may have marked it as outdated since the row was read.
        let manifest =
            manifest.ok_or_else(|| error::not_found(format!("The preparedId {id} is not known any more")))?;
        Ok((prepared, manifest))
    }

    /// The files that a selection lacks.
    pub async fn list_missing_files(&self, id: &str) -> Result<Vec<MissingFile>, DbError> {
        store::missing_files::list_missing_files(&mut self.db.read().await?, id).await
    }
}
