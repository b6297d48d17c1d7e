//! Remembers the rows that events name, so that they are read again.

use std::sync::Arc;

use events::messages::icat::EntityChanged;
use icat_client::CatalogueChanges;
use service_kit::{Db, Problem, Tx};
use tokio::sync::Notify;

use super::ENTITY_NAMES;
use crate::store::catalogue_scans::request_scans;
use crate::store::changed_rows::record_changed_rows;

/// Starts a durable consumer of the catalogue's changes. After a gap all rows are read again.
pub fn listen_for_changes(changes: &CatalogueChanges<'_>, db: &Db, wake_rows: &Arc<Notify>, wake_scans: &Arc<Notify>) {
    let wake_rows = Arc::clone(wake_rows);
    let record = async move |tx: &mut Tx, event: &EntityChanged| -> Result<(), Problem> {
        record_changed_rows(tx, &event.entity, &event.ids).await?;
        tx.notify_on_commit(&wake_rows);
        Ok(())
    };
    let (db, wake_scans) = (db.clone(), Arc::clone(wake_scans));
    let read_all_again = async move || -> Result<(), Problem> {
        db.write(async |tx| {
            tx.notify_on_commit(&wake_scans);
            request_scans(tx, &ENTITY_NAMES).await
        })
        .await?;
        Ok(())
    };
    changes.add_consumer("search-catalogue-changed", &ENTITY_NAMES, record, read_all_again);
}
