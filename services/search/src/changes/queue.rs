//! The queue of accepted changes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use service_kit::{Clock, Db, DbError, Tx};
use tokio::sync::{Notify, watch};

use crate::domain::entity::EntityKind;
use crate::store::change_batches::{self, BatchKind};
use crate::store::entity_locks::{lock_entity, unlock_entity};
use crate::store::rejected_documents::{RejectedDocument, create_rejected_documents};

/// Accepts changes and tells when they are visible.
#[derive(Clone)]
pub struct ChangeQueue {
    db: Db,
    clock: Arc<dyn Clock>,
    pub(super) wake: Arc<Notify>,
    /// Whether somebody waits for the next commit of the index.
    pub(super) is_commit_wanted: Arc<AtomicBool>,
    /// Changes with each commit of the index.
    pub(super) commits: watch::Sender<u64>,
}

impl ChangeQueue {
    pub fn new(db: Db, clock: Arc<dyn Clock>) -> Self {
        Self {
            db,
            clock,
            wake: Arc::new(Notify::new()),
            is_commit_wanted: Arc::new(AtomicBool::new(false)),
            commits: watch::Sender::new(0),
        }
    }

    /// Stores a batch. When this returns, the batch survives the end of the process.
    pub async fn store_batch(
        &self,
        kind: BatchKind,
        entity: Option<EntityKind>,
        body: &str,
        rejected: &[RejectedDocument],
    ) -> Result<(), DbError> {
        let entity = entity.map(|entity| entity.to_string()).unwrap_or_default();
        self.db.write(async |tx| self.store_batch_in(tx, kind, &entity, body, rejected).await).await
    }

    async fn store_batch_in(
        &self,
        tx: &mut Tx,
        kind: BatchKind,
        entity: &str,
        body: &str,
        rejected: &[RejectedDocument],
    ) -> Result<(), DbError> {
        let now = self.clock.now_micros();
        change_batches::create_batch(tx, kind, entity, body, now).await?;
        create_rejected_documents(tx, rejected, now).await?;
        tx.notify_on_commit(&self.wake);
        Ok(())
    }

    /// Begins to populate an entity; returns whether it was not locked. With `replaces_rows`, the rows that are sent until the
    /// end of the lock replace those that are there; searches find these until then.
    pub async fn lock_entity(&self, entity: EntityKind, replaces_rows: bool) -> Result<bool, DbError> {
        let (entity, now) = (entity.to_string(), self.clock.now_micros());
        self.db
            .write(async |tx| {
                let generation = if replaces_rows {
                    change_batches::create_batch(tx, BatchKind::Populate, &entity, "", now).await?
                } else {
                    0
                };
                if !lock_entity(tx, &entity, generation, now).await? {
                    change_batches::delete_batches(tx, &[generation]).await?;
                    return Ok(false);
                }
                tx.notify_on_commit(&self.wake);
                Ok(true)
            })
            .await
    }

    /// Ends the lock of an entity; returns whether it was locked.
    pub async fn unlock_entity(&self, entity: EntityKind) -> Result<bool, DbError> {
        let (entity, now) = (entity.to_string(), self.clock.now_micros());
        self.db
            .write(async |tx| {
                let Some(generation) = unlock_entity(tx, &entity).await? else { return Ok(false) };
                if generation != 0 {
                    let body = generation.to_string();
                    change_batches::create_batch(tx, BatchKind::Populated, &entity, &body, now).await?;
                    tx.notify_on_commit(&self.wake);
                }
                Ok(true)
            })
            .await
    }

    /// Waits until all batches that are stored now are visible to searches.
    pub async fn wait_until_visible(&self) -> Result<(), DbError> {
        let mut commits = self.commits.subscribe();
        let Some(last) = change_batches::find_last_id(&mut self.db.read().await?).await? else { return Ok(()) };
        loop {
            commits.mark_unchanged();
            let waiting = change_batches::list_batches(&mut self.db.read().await?, 0, 1).await?;
            if waiting.first().is_none_or(|oldest| oldest.id > last) {
                return Ok(());
            }
            self.is_commit_wanted.store(true, Ordering::Release);
            self.wake.notify_one();
            // The sender lives as long as this queue.
            let _ended = commits.changed().await;
        }
    }
}
