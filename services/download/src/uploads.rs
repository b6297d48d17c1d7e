//! Uploads: a file is written under a temporary name, flushed, renamed, and then its datafile is created in ICAT with the
//! session of the caller. Checks of both names are scheduled all the time, so that an interrupted upload leaves no file.

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use actix_web::web::Bytes;
use futures_util::{Stream, StreamExt as _};
use icat_client::{IcatClient, IcatError};
use serde::Serialize;
use service_kit::{Ctx, Db, Ids, Problem, Secret, problem};
use tokio::time::Instant;
use utoipa::ToSchema;

use crate::config::Config;
use crate::domain::new_datafile::NewDatafile;
use crate::error::{
    bad_request, from_icat_create_error, from_icat_error, may_have_succeeded, no_storage, not_found, outcome_unknown,
    upload_stalled,
};
use crate::orphaned_files::OrphanedFiles;
use crate::selection::{Selection, require_readable};
use crate::storage::{self, NewFile, Storage, StoredFile};
use crate::store::{self, orphan_checks::PossibleOrphan};

/// Receives uploads.
pub struct Uploads {
    db: Db,
    ids: Arc<dyn Ids>,
    icat: IcatClient,
    storage: Option<Storage>,
    storage_name: String,
    orphaned_files: Arc<OrphanedFiles>,
    /// How long the next bytes of an upload may take.
    idle_timeout: Duration,
    /// How often the checks of a file that is being uploaded are postponed.
    postpone_interval: Duration,
}

/// A stored file.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Stored)]
pub struct StoredDatafile {
    /// Id of the new datafile.
    id: i64,
    /// CRC-32.
    checksum: u32,
    location: String,
    size: u64,
}

/// One upload from its first byte to its datafile.
struct Upload<'u> {
    uploads: &'u Uploads,
    storage: &'u Storage,
    session: &'u Secret,
    datafile: NewDatafile,
    location: String,
    temporary: String,
    file: Option<NewFile>,
    postponed: Instant,
}

impl Uploads {
    pub fn new(
        ctx: &Ctx,
        config: &Config,
        icat: IcatClient,
        storage: Option<Storage>,
        orphaned_files: Arc<OrphanedFiles>,
    ) -> Self {
        Self {
            db: ctx.db.clone(),
            ids: Arc::clone(&ctx.ids),
            icat,
            storage,
            storage_name: config.storage.clone(),
            orphaned_files,
            idle_timeout: ctx.config.core.http.idle_timeout,
            postpone_interval: config.unclaimed_after / 3,
        }
    }

    /// Stores a body as the file of a new datafile. Gives up when the body breaks off or stalls.
    pub async fn receive_file<E: Display>(
        &self,
        session: &Secret,
        datafile: NewDatafile,
        mut body: impl Stream<Item = Result<Bytes, E>> + Unpin,
    ) -> Result<StoredDatafile, Problem> {
        let mut upload = Upload::start(self, session, datafile).await?;
        loop {
            let written = match tokio::time::timeout(self.idle_timeout, body.next()).await {
                Ok(None) => return upload.create_datafile().await,
                Ok(Some(Ok(bytes))) => upload.write_chunk(bytes).await,
                Ok(Some(Err(e))) => Err(bad_request(format!("The body was cut off: {e}"))),
                Err(_) => Err(upload_stalled()),
            };
            if let Err(e) = written {
                upload.discard_file().await;
                return Err(e);
            }
        }
    }

    async fn find_investigation(&self, session: &Secret, dataset: i64) -> Result<i64, Problem> {
        let selection = Selection { datasets: vec![dataset], ..Selection::default() };
        require_readable(&self.icat, session.expose(), &selection).await.map_err(from_icat_error)?;
        let query = "Dataset ds INCLUDE ds.investigation";
        let found = self.icat.get_entity(session.expose(), query, dataset).await.map_err(from_icat_error)?;
        let id = found["Dataset"]["investigation"]["id"].as_i64();
        id.ok_or_else(|| not_found(format!("The investigation of Dataset[id:{dataset}] is not readable")))
    }
}

impl<'u> Upload<'u> {
    /// Chooses the location and creates the temporary file.
    async fn start(uploads: &'u Uploads, session: &'u Secret, datafile: NewDatafile) -> Result<Self, Problem> {
        let storage = uploads.storage.as_ref().ok_or_else(no_storage)?;
        let investigation = uploads.find_investigation(session, datafile.dataset).await?;
        let location = format!("{investigation}/{}/{}", datafile.dataset, uploads.ids.random_uuid());
        let temporary = storage::temporary_location(&location);
        let postponed = Instant::now();
        let upload = Self { uploads, storage, session, datafile, location, temporary, file: None, postponed };
        upload.schedule_checks().await?;
        let path = upload.temporary.clone();
        let file = storage.run(move |root| NewFile::create(root, &path)).await?.map_err(Problem::from_write_error)?;
        Ok(Self { file: Some(file), ..upload })
    }

    async fn schedule_checks(&self) -> Result<(), Problem> {
        let files = [(&self.temporary, true), (&self.location, false)];
        let files = files.map(|(location, temporary)| PossibleOrphan { location: location.clone(), temporary });
        Ok(self.uploads.orphaned_files.schedule_checks(&files).await?)
    }

    async fn write_chunk(&mut self, bytes: Bytes) -> Result<(), Problem> {
        let Some(mut file) = self.file.take() else { return Ok(()) };
        let written = self.storage.run_queued(move |_| file.write(&bytes).map(|()| file)).await?;
        self.file = Some(written.map_err(Problem::from_write_error)?);
        if self.postponed.elapsed() >= self.uploads.postpone_interval {
            self.schedule_checks().await?;
            self.postponed = Instant::now();
        }
        Ok(())
    }

    /// Gives the file its name and creates its datafile.
    async fn create_datafile(mut self) -> Result<StoredDatafile, Problem> {
        let Some(file) = self.file.take() else { return Err(Problem::internal("an upload without a file")) };
        self.schedule_checks().await?;
        let (temporary, location) = (self.temporary.clone(), self.location.clone());
        let written = self.storage.run_queued(move |root| file.commit(root, &temporary, &location)).await?;
        let stored = written.map_err(Problem::from_write_error)?;
        let StoredFile { crc, identity } = stored;
        let entity = self.datafile.to_entity(&self.location, identity.size, crc);
        let created = self.uploads.icat.create_entities(self.session.expose(), &[entity]).await;
        let id = match created.map(|ids| ids.first().copied()) {
            Ok(Some(id)) => id,
            Ok(None) => return Err(from_icat_error(IcatError::Nonsense("no id".to_owned()))),
            Err(e) => {
                if may_have_succeeded(&e.error) {
                    let error = problem::format_error_chain(&e);
                    tracing::warn!(
                        file.location = self.location,
                        error,
                        "the catalogue may have stored a datafile or not: its file is kept until its check is due"
                    );
                    return Err(outcome_unknown(e.error));
                }
                self.uploads.orphaned_files.remove_file(&self.location).await?;
                self.uploads.orphaned_files.keep_file(&self.temporary).await?;
                return Err(from_icat_create_error(e.error));
            }
        };
        if let Err(e) = self.complete(stored).await {
            // The datafile exists, so the scheduled check will keep the file.
            tracing::warn!(error = %e, datafile.id = id, "an upload is complete, but its checks cannot be cancelled");
        }
        Ok(StoredDatafile { id, checksum: crc, location: self.location.clone(), size: identity.size })
    }

    /// Cancels the checks, and stores the checksum.
    async fn complete(&self, stored: StoredFile) -> Result<(), Problem> {
        let StoredFile { crc, identity } = stored;
        let complete = async |tx: &mut service_kit::Tx| -> Result<(), Problem> {
            store::orphan_checks::delete_check(tx, &self.temporary).await?;
            store::orphan_checks::delete_check(tx, &self.location).await?;
            let storage = &self.uploads.storage_name;
            store::checksums::upsert_checksum(tx, storage, &self.location, &identity, crc).await?;
            Ok(())
        };
        self.uploads.db.write(complete).await
    }

    /// Removes the file of an upload that failed.
    async fn discard_file(mut self) {
        self.file = None;
        for location in [&self.temporary, &self.location] {
            if let Err(e) = self.uploads.orphaned_files.remove_file(location).await {
                tracing::warn!(error = %e, "the file of a failed upload cannot be removed now; it is removed later");
            }
        }
    }
}
