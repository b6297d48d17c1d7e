//! Writing an event in the transaction of its change.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use service_kit::{Clock, DbError, Ids, Tx, telemetry};
use tokio::sync::Notify;

use crate::envelope::{Envelope, Headers};
use crate::messages::Event;
use crate::store;

/// Events say what changed and are read by everybody: they stay small.
const MAX_EVENT_BYTES: usize = 4096;

/// A service's way to tell others what it changed. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Outbox {
    service: &'static str,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    pub(crate) wake: Arc<Notify>,
    /// Keeps the events of one moment in their order; nobody relies on it, but people read them.
    counter: Arc<AtomicU16>,
}

impl Outbox {
    /// For commands that change a service's rows while it may or may not run; a running relay finds their events
    /// within a second, otherwise the next start does.
    pub fn new(service: &'static str, clock: Arc<dyn Clock>, ids: Arc<dyn Ids>) -> Self {
        Self { service, clock, ids, wake: Arc::default(), counter: Arc::default() }
    }

    /// Writes the event with the change: both are stored, or neither.
    pub async fn emit<E: Event>(&self, tx: &mut Tx, event: &E) -> Result<(), DbError> {
        let payload = event.encode_to_vec();
        if payload.len() > MAX_EVENT_BYTES {
            return Err(DbError::Setup(format!("an event {} has {} bytes; split it", E::SUBJECT, payload.len())));
        }
        let traceparent = telemetry::trace_headers().into_iter().find(|(name, _)| name == "traceparent");
        let now = self.clock.now();
        let envelope = Envelope {
            id: self.ids.ordered_uuid(now, self.counter.fetch_add(1, Ordering::Relaxed)).to_string(),
            subject: E::SUBJECT.to_owned(),
            headers: Headers {
                source: self.service.to_owned(),
                changed_at: now.into(),
                traceparent: traceparent.map(|(_, value)| value).unwrap_or_default(),
            },
            payload,
        };
        store::insert_event(tx, &envelope).await?;
        tx.notify_on_commit(&self.wake);
        Ok(())
    }
}
