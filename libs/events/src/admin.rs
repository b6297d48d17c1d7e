//! What operators do with events: watch them, look at dead letters, try them again.

use service_kit::config::{BusKind, EventsConfig};
use service_kit::{Db, DbError, Micros};

use crate::bus::{BusError, EventStream, NatsBus};
use crate::envelope::Envelope;
use crate::store::{self, DeadLetter};

/// Events of the suite as they pass.
pub struct EventTail(Box<dyn EventStream>);

impl EventTail {
    /// Over NATS only: events of the in-process bus do not leave their process.
    pub async fn open(config: &EventsConfig) -> Result<Self, BusError> {
        if config.kind == BusKind::Memory {
            let text = "with events.kind = \"memory\" events stay inside the process; watch its log, or use nats";
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

/// Lets the service try its parked dead letters again; how many there are.
pub async fn retry_dead_letters(db: &Db, now: Micros) -> Result<u64, DbError> {
    db.write(async |tx| store::retry_parked_dead_letters(tx, now).await).await
}
