//! The audit log: an entry is stored in the transaction of what it is about, and published.

use std::sync::Arc;
use std::time::Duration;

use events::Outbox;
use events::messages::auth::AuditRecorded;
use service_kit::{Clock, Db, DbError, Tx};

use crate::domain::audit::{AuditEntry, MAX_ENTRIES_PER_HOUR, find_hour};
use crate::store::batches::delete_in_batches;
use crate::store::{audit, audit_counts};

/// Writes the audit log. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Audit {
    clock: Arc<dyn Clock>,
    outbox: Outbox,
}

impl Audit {
    pub fn new(clock: Arc<dyn Clock>, outbox: Outbox) -> Self {
        Self { clock, outbox }
    }

    /// Stores an entry in a transaction, or counts it, if there are many of its kind within the hour.
    pub async fn record_entry(&self, tx: &mut Tx, entry: &AuditEntry<'_>) -> Result<(), DbError> {
        let now = self.clock.now_micros();
        if entry.is_limited() && audit_counts::count_entry(tx, now, entry).await? > MAX_ENTRIES_PER_HOUR {
            return Ok(());
        }
        audit::insert_entry(tx, entry, now).await?;
        if entry.is_routine() {
            return Ok(());
        }
        self.outbox.emit(tx, &to_event(entry)).await
    }

    /// Stores an entry in a transaction of its own.
    pub async fn record_alone(&self, db: &Db, entry: &AuditEntry<'_>) -> Result<(), DbError> {
        // Many at once are counted in the same row: the transactions run one after the other.
        db.write_read_committed(async |tx| self.record_entry(tx, entry).await).await
    }
}

fn to_event(entry: &AuditEntry<'_>) -> AuditRecorded {
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    AuditRecorded {
        kind: entry.kind.as_str().to_owned(),
        reason: entry.reason.to_owned(),
        subject: text(entry.user_name),
        actor: text(entry.actor),
        provider: text(entry.provider),
        client: text(entry.client),
        address: entry.origin.address_text().unwrap_or_default(),
        sid_hash: text(entry.sid_hash),
    }
}

/// Deletes the entries and counts that are older than `retention`; returns how many.
pub async fn delete_old_entries(db: &Db, clock: &dyn Clock, retention: Duration) -> Result<u64, DbError> {
    let before = clock.now_micros() - retention;
    let entries = delete_in_batches(db, async |tx| audit::delete_old_entries(tx, before).await).await?;
    let counts = delete_in_batches(db, async |tx| audit_counts::delete_old_counts(tx, find_hour(before)).await).await?;
    Ok(entries + counts)
}
