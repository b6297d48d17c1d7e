//! What scans of the catalogue store in the queue.

use service_kit::DbError;

use super::queue::ChangeQueue;
use crate::domain::change_request::RejectedDocument;
use crate::domain::entity::EntityKind;
use crate::error::Error;
use crate::store::catalogue_scans::{self, CatalogueScan, ScanState};
use crate::store::change_batches::{self, BatchKind};
use crate::store::changed_rows::{ChangedRow, count_changed_rows, delete_changed_rows};
use crate::store::entity_locks::{find_locked_generation, hold_locks, lock_entity, unlock_generation};
use crate::store::held_batches::create_held_batch;
use crate::store::rejected_documents::{count_rejected_documents, delete_rejected_documents_of_row};

/// Documents that were read from the catalogue, as a JSON array.
#[derive(Debug)]
pub struct ScannedPage {
    pub body: String,
    pub rows: i64,
    pub last_id: i64,
    pub rejected: Vec<RejectedDocument>,
}

impl ChangeQueue {
    /// Asks for a scan of an entity; returns false if one runs or waits. The worker looks for it within a few seconds.
    pub async fn request_scan(&self, entity: &'static str) -> Result<bool, Error> {
        let is_requested = self.db.write(async |tx| {
            let scans = catalogue_scans::list_scans(tx).await?;
            if scans.iter().any(|scan| scan.entity == entity && scan.state != ScanState::Done) {
                return Ok(false);
            }
            catalogue_scans::request_scans(tx, &[entity]).await?;
            Ok::<_, DbError>(true)
        });
        Ok(is_requested.await?)
    }

    /// Ends all scans that run or wait. Rows that they have stored stay, and those that were there before, too.
    pub async fn stop_scans(&self) -> Result<(), DbError> {
        let now = self.clock.now_micros();
        self.db
            .write(async |tx| {
                for scan in catalogue_scans::list_scans(tx).await? {
                    // One that is wanted again may not have ended. A lock without its generation is that of an icat.server.
                    if scan.state != ScanState::Done
                        && scan.generation != 0
                        && find_locked_generation(tx, &scan.entity).await? == Some(scan.generation)
                        && let Some(entity) = EntityKind::find_ignoring_case(&scan.entity)
                    {
                        self.end_population(tx, entity, false, now).await?;
                    }
                }
                catalogue_scans::stop_scans(tx).await
            })
            .await
    }

    /// Waits until the changes of the catalogue that were reported are visible to searches.
    pub async fn wait_until_followed(&self) -> Result<(), Error> {
        self.wait_for_commit(async || Ok(count_changed_rows(&mut self.db.read().await?).await? == 0)).await?;
        self.wait_until_visible().await
    }

    /// Begins a scan: the rows that it stores replace all others of the entity when it ends. Returns its generation; `None` while
    /// an icat.server populates the entity, and if the scan was stopped before it began.
    pub async fn start_scan(&self, scan: &CatalogueScan, rows_expected: i64) -> Result<Option<i64>, DbError> {
        let now = self.clock.now_micros();
        self.db
            .write(async |tx| {
                // An earlier scan that did not end; without a generation, the lock is that of an icat.server.
                if scan.generation != 0 {
                    unlock_generation(tx, &scan.entity, scan.generation).await?;
                }
                let generation = change_batches::allocate_id(tx).await?;
                if !lock_entity(tx, &scan.entity, generation, &self.process, now).await? {
                    return Ok(None);
                }
                if !catalogue_scans::start_scan(tx, &scan.entity, generation, rows_expected, now).await? {
                    unlock_generation(tx, &scan.entity, generation).await?;
                    return Ok(None);
                }
                change_batches::insert_batch(tx, generation, BatchKind::BeginGeneration, &scan.entity, "", now).await?;
                tx.notify_on_commit(&self.wake);
                Ok(Some(generation))
            })
            .await
    }

    /// Stores documents of a scan together with its progress. Returns whether the scan goes on; it does not if another was
    /// asked for.
    pub async fn store_scanned_page(&self, scan: &CatalogueScan, page: &ScannedPage) -> Result<bool, DbError> {
        let now = self.clock.now_micros();
        let goes_on = self
            .db
            .write(async |tx| {
                if !catalogue_scans::advance_scan(tx, scan, page.last_id, page.rows).await? {
                    return Ok(false);
                }
                self.insert_batch(tx, BatchKind::Add, &scan.entity, &page.body, &page.rejected, now).await?;
                Ok::<_, DbError>(true)
            })
            .await?;
        if goes_on {
            self.metrics.waiting_batches.inc();
            self.report_rejected(&page.rejected);
        }
        Ok(goes_on)
    }

    /// Ends a scan: rows that it did not store are deleted, and changes that came meanwhile are applied again.
    pub async fn finish_scan(&self, entity: EntityKind, scan: &CatalogueScan) -> Result<bool, DbError> {
        let now = self.clock.now_micros();
        self.db
            .write(async |tx| {
                let last_batch = change_batches::find_last_id(tx).await?.unwrap_or_default();
                let is_finished = catalogue_scans::finish_scan(tx, scan, last_batch, now).await?;
                if is_finished {
                    self.end_population(tx, entity, true, now).await?;
                }
                Ok(is_finished)
            })
            .await
    }

    /// Stores operations on rows that were read again, and forgets that these had changed.
    pub async fn store_read_rows(
        &self,
        body: &str,
        rejected: &[RejectedDocument],
        rows: &[ChangedRow],
    ) -> Result<(), DbError> {
        let now = self.clock.now_micros();
        self.db
            .write(async |tx| {
                if count_rejected_documents(tx).await? > 0 {
                    for row in rows {
                        delete_rejected_documents_of_row(tx, &row.entity, row.id).await?;
                    }
                }
                let id = self.insert_batch(tx, BatchKind::Modify, "", body, rejected, now).await?;
                if hold_locks(tx).await? {
                    create_held_batch(tx, id, body).await?;
                }
                delete_changed_rows(tx, rows).await
            })
            .await?;
        self.metrics.waiting_batches.inc();
        self.report_rejected(rejected);
        Ok(())
    }
}
