//! The history of logbooks: each change is a record, the records of a logbook form a chain of hashes, and a signature closes it
//! when the investigation is released.

pub mod chain;
pub mod close_worker;
pub mod export;
pub mod records;
pub mod signature;
pub mod signing_key;
pub mod verify;

use std::sync::Arc;

use events::Outbox;
use service_kit::Db;
use tokio::sync::Notify;

/// Appends records, and reads them. Cheap to clone.
#[derive(Clone)]
pub struct History {
    db: Db,
    outbox: Outbox,
    /// Wakes what sends records to those who listen in this process.
    wake: Arc<Notify>,
}

impl History {
    pub fn new(db: Db, outbox: Outbox, wake: Arc<Notify>) -> Self {
        Self { db, outbox, wake }
    }
}
