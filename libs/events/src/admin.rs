//! Administration of events: watching them, listing dead letters and retrying them.

use service_kit::config::{BusKind, EventsConfig};
use service_kit::{Db, DbError, Micros};

use crate::bus::{BusError, EventStream, NatsBus};
use crate::envelope::Envelope;
use crate::store::{self, DeadLetter};

/// A stream of all events as they are published.
pub struct EventTail(Box<dyn EventStream>);

impl EventTail {
    /// Connects to NATS; events of the in-memory bus never leave their process.
    pub async fn open(config: &EventsConfig) -> Result<Self, BusError> {
        if config.kind == BusKind::Memory {
            let text = "events.kind is \"memory\", so events do not leave the process; look at its log, or use nats";
            return Err(BusError(text.to_owned()));
        }
        NatsBus::connect(config, "undulator-tail").await?.subscribe_to_all().await.map(Self)
    }

    pub async fn next(&mut self) -> Result<Envelope, BusError> {
        self.0.next().await
    }
}

/// The dead letters of a service.
pub async fn list_dead_letters(db: &Db) -> Result<Vec<DeadLetter>, DbError> {
    store::list_dead_letters(&mut db.read().await?).await
}

/// Makes all parked dead letters of a service due for a retry, and returns their number.
pub async fn retry_dead_letters(db: &Db, now: Micros) -> Result<u64, DbError> {
    db.write(async |tx| store::retry_parked_dead_letters(tx, now).await).await
}
