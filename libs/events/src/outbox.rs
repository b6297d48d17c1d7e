//! The outbox: writes events in the transaction of their change.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use service_kit::{Clock, DbError, Ids, Tx, telemetry};
use tokio::sync::Notify;

use crate::envelope::{Envelope, Headers};
use crate::messages::Event;
use crate::store;

/// The largest payload. Events state what changed, and every consumer receives them, so they must be small.
const MAX_EVENT_BYTES: usize = 4096;

/// The outbox of a service. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Outbox {
    service: &'static str,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    pub(crate) wake: Arc<Notify>,
    /// Keeps events of the same moment in order, for people who read them; no code relies on it.
    counter: Arc<AtomicU16>,
}

impl Outbox {
    /// For commands that change the rows of a service, whether it is running or not. A running relay finds the events
    /// within a second; otherwise they are published at the next start.
    pub fn new(service: &'static str, clock: Arc<dyn Clock>, ids: Arc<dyn Ids>) -> Self {
        Self { service, clock, ids, wake: Arc::default(), counter: Arc::default() }
    }

    /// Writes an event in the transaction of its change, so that both are stored or neither.
    pub async fn emit<E: Event>(&self, tx: &mut Tx, event: &E) -> Result<(), DbError> {
        store::insert_event(tx, &self.build_envelope(event)?).await?;
        tx.notify_on_commit(&self.wake);
        Ok(())
    }

    /// The same for many events, with few statements.
    pub async fn emit_all<E: Event>(&self, tx: &mut Tx, events: &[E]) -> Result<(), DbError> {
        if events.is_empty() {
            return Ok(());
        }
        let envelopes = events.iter().map(|event| self.build_envelope(event)).collect::<Result<Vec<_>, _>>()?;
        store::insert_events(tx, &envelopes).await?;
        tx.notify_on_commit(&self.wake);
        Ok(())
    }

    fn build_envelope<E: Event>(&self, event: &E) -> Result<Envelope, DbError> {
        let payload = event.encode_to_vec();
        if payload.len() > MAX_EVENT_BYTES {
            return Err(DbError::Setup(format!("an event {} has {} bytes; split it", E::SUBJECT, payload.len())));
        }
        let traceparent = telemetry::trace_headers().into_iter().find(|(name, _)| name == "traceparent");
        let now = self.clock.now();
        Ok(Envelope {
            id: self.ids.ordered_uuid(now, self.counter.fetch_add(1, Ordering::Relaxed)).to_string(),
            subject: E::SUBJECT.to_owned(),
            headers: Headers {
                source: self.service.to_owned(),
                changed_at: now.into(),
                traceparent: traceparent.map(|(_, value)| value).unwrap_or_default(),
            },
            payload,
        })
    }
}
