//! Files that may have no datafile: after a deletion, and after an upload that was interrupted. Only the catalogue knows
//! whether one has, and only the reader account sees all datafiles.

use std::sync::Arc;
use std::time::Duration;

use icat_client::client::{Filter, ReaderAccount};
use icat_client::{IcatClient, IcatError, Select};
use service_kit::{Clock, Ctx, Db, DbError, Problem, problem};

use crate::config::Config;
use crate::domain::file_errors;
use crate::error::{from_icat_error, no_storage};
use crate::storage::{self, Storage};
use crate::store;
use crate::store::orphan_checks::PossibleOrphan;

/// Checks files for their datafiles, and removes those that have none.
pub struct OrphanedFiles {
    db: Db,
    clock: Arc<dyn Clock>,
    storage: Option<Storage>,
    storage_name: String,
    reader: Option<ReaderAccount>,
    check_delay: Duration,
}

impl OrphanedFiles {
    pub fn new(ctx: &Ctx, config: &Config, storage: Option<Storage>, reader: Option<ReaderAccount>) -> Self {
        Self {
            db: ctx.db.clone(),
            clock: Arc::clone(&ctx.clock),
            storage,
            storage_name: config.storage.clone(),
            reader,
            check_delay: config.unclaimed_after,
        }
    }

    /// Schedules a check of each file, or postpones the scheduled one.
    pub async fn schedule_checks(&self, files: &[PossibleOrphan]) -> Result<(), DbError> {
        let due_at = self.clock.now_micros() + self.check_delay;
        let schedule = async |tx: &mut service_kit::Tx| {
            for file in files {
                store::orphan_checks::schedule_check(tx, file, due_at).await?;
            }
            Ok(())
        };
        self.db.write(schedule).await
    }

    /// Some of the files whose check is due.
    pub async fn list_due_files(&self) -> Result<Vec<PossibleOrphan>, DbError> {
        store::orphan_checks::list_due_files(&mut self.db.read().await?, self.clock.now_micros()).await
    }

    /// Removes those of the files that have no datafile. Where that cannot be decided now, the check stays scheduled.
    pub async fn check_files(&self, files: &[PossibleOrphan]) {
        for file in files {
            let checked = match self.has_owner(file).await {
                Ok(true) => self.keep_file(&file.location).await,
                Ok(false) => self.remove_file(&file.location).await,
                Err(e) => Err(e),
            };
            if let Err(e) = checked {
                let error = problem::format_error_chain(&e);
                tracing::warn!(file.location = file.location, error, "cannot check now whether a file has a datafile");
            }
        }
    }

    async fn has_owner(&self, file: &PossibleOrphan) -> Result<bool, Problem> {
        let location = &file.location;
        match &self.reader {
            _ if file.temporary => Ok(false),
            Some(reader) => {
                let asked =
                    reader.with_session(async |icat, session| has_datafile(icat, session, location).await).await;
                asked.map_err(from_icat_error)
            }
            None => {
                tracing::warn!(
                    file.location = location,
                    "a file is kept: without icat.reader it cannot be checked for other datafiles"
                );
                Ok(true)
            }
        }
    }

    /// Cancels the check of a file.
    pub async fn keep_file(&self, location: &str) -> Result<(), Problem> {
        Ok(self.db.write(async |tx| store::orphan_checks::delete_check(tx, location).await).await?)
    }

    /// Removes a file that is known to have no datafile.
    pub async fn remove_file(&self, location: &str) -> Result<(), Problem> {
        let path = location.to_owned();
        let storage = self.storage.as_ref().ok_or_else(no_storage)?;
        let removed = storage.run_queued(move |root| storage::remove_file(root, &path)).await?;
        match removed {
            Err(e) if file_errors::is_invalid_location(&e) => {
                tracing::warn!(file.location = location, error = %e, "no file is removed: the location is invalid");
                return self.keep_file(location).await;
            }
            removed => removed.map_err(Problem::internal)?,
        }
        tracing::info!(file.location = location, "removed a file without a datafile");
        let forgotten = self.db.write(async |tx| {
            store::orphan_checks::delete_check(tx, location).await?;
            store::checksums::delete_checksum(tx, &self.storage_name, location).await
        });
        Ok(forgotten.await?)
    }
}

async fn has_datafile(icat: &IcatClient, session: &str, location: &str) -> Result<bool, IcatError> {
    let select = Select::values("Datafile", &["id"]).filter(Filter::eq("location", location)).limit(0, 1);
    Ok(!icat.query_rows(session, &select.build()?).await?.is_empty())
}
