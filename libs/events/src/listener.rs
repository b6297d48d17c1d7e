//! Listeners: events without guaranteed delivery, for the caches of a process. Each replica gets each event; entries of
//! missed events expire.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::bus::{Bus, BusError};
use crate::messages::Event;
use crate::relay::{process_span, retry_pauses, run_in_span};

type PayloadCallback = Arc<dyn Fn(&[u8]) + Send + Sync>;

/// What a running listener needs. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Listener {
    pub name: &'static str,
    pub subject: &'static str,
    pub hear: PayloadCallback,
    /// Called whenever events may have been missed.
    pub missed: Arc<dyn Fn() + Send + Sync>,
    pub bus: Arc<dyn Bus>,
    pub clock: Arc<dyn service_kit::Clock>,
    pub stop: CancellationToken,
}

/// Wraps a handler so that it decodes events. Events that cannot be decoded are ignored, because cache entries expire.
pub(crate) fn decode_then<E: Event>(callback: impl Fn(E) + Send + Sync + 'static) -> PayloadCallback {
    Arc::new(move |payload| match E::decode(payload) {
        Ok(event) => callback(event),
        Err(e) => tracing::warn!(error = %e, subject = E::SUBJECT, "an event cannot be decoded"),
    })
}

impl Listener {
    pub async fn run(self) {
        let mut pauses = retry_pauses();
        while !self.stop.is_cancelled() {
            if let Err(e) = self.listen_until_interrupted().await {
                tracing::debug!(listener = self.name, error = %e, "events may have been missed");
                (self.missed)();
                let pause = pauses.next().unwrap_or_default();
                let _stopped = tokio::time::timeout(pause, self.stop.cancelled()).await;
            }
        }
    }

    async fn listen_until_interrupted(&self) -> Result<(), BusError> {
        let mut listening = self.bus.listen(self.subject).await?;
        // Events between the lost connection and this one were missed.
        (self.missed)();
        loop {
            let envelope = tokio::select! {
                biased;
                () = self.stop.cancelled() => return Ok(()),
                envelope = listening.next() => envelope?,
            };
            let span = process_span(self.name, &envelope, self.clock.now_micros());
            run_in_span(span, async { (self.hear)(&envelope.payload) }).await;
        }
    }
}
