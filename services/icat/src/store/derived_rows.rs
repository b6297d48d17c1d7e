//! Rows that follow from other rows and change in the same transaction: granted rows and counters of datafiles.

use std::sync::Arc;

use icat_client::schema::Entity;
use service_kit::{DbError, Tx};

use super::datafile_counters::{DatafileCounters, NewFiles};
use super::entities::RowChanges;
use super::grant_maintenance::{GrantMaintenance, MaintainedSets};

/// What the changes of one transaction imply.
#[derive(Debug, Default)]
pub struct DerivedRows {
    grants: GrantMaintenance,
    counters: DatafileCounters,
}

impl DerivedRows {
    /// See [`GrantMaintenance::set_known_sets`].
    pub fn set_known_sets(&mut self, sets: Arc<MaintainedSets>) {
        self.grants.set_known_sets(sets);
    }

    /// Adds new datafiles to the counters.
    pub fn count_new_files(&mut self, files: &NewFiles) {
        self.counters.count_new_files(files);
    }

    /// Adds stored datafiles to the counters.
    pub async fn count_stored_files(
        &mut self,
        tx: &mut Tx,
        entity: &'static Entity,
        ids: &[i64],
    ) -> Result<(), DbError> {
        self.counters.count_files(tx, entity, ids, 1).await
    }

    /// Notes rows that have been inserted, whose files are counted by themselves.
    pub async fn note_inserted(&mut self, tx: &mut Tx, entity: &'static Entity, ids: Vec<i64>) -> Result<(), DbError> {
        self.grants.note_inserted(tx, entity, ids).await
    }

    /// Notes updates of these columns before they are stored.
    pub async fn note_updates(
        &mut self,
        tx: &mut Tx,
        entity: &'static Entity,
        rows: &[RowChanges],
        columns: &[&str],
    ) -> Result<(), DbError> {
        self.counters.count_updates(tx, entity, rows).await?;
        self.grants.note_updates(tx, entity, rows.iter().map(|row| row.id), columns).await
    }

    /// Notes rows before they are deleted, after those that refer to them.
    pub async fn note_deletion(&mut self, tx: &mut Tx, entity: &'static Entity, ids: &[i64]) -> Result<(), DbError> {
        self.counters.count_deletion(tx, entity, ids).await?;
        self.grants.note_deletion(tx, entity, ids).await
    }

    /// Stores what follows, at the end of the transaction.
    pub async fn store_derived_rows(&mut self, tx: &mut Tx) -> Result<(), DbError> {
        self.grants.update_sets(tx).await?;
        self.counters.store_differences(tx).await
    }
}
