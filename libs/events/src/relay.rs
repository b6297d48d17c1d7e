//! The relay: publishes the events of the outbox in batches, in one replica at a time, and deletes exactly those that the
//! bus has acknowledged.

use std::sync::Arc;
use std::time::Duration;

use backon::BackoffBuilder as _;
use service_kit::problem::format_error_chain;
use service_kit::{Clock, Db, DbError, Lease, Leases, Micros, telemetry};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use crate::bus::Bus;
use crate::envelope::Envelope;
use crate::metrics::{EventMetrics, ServiceLabels};
use crate::relay_wakeup::RelayWakeup;
use crate::store;

const LEASE: &str = "outbox-relay";
const LEASE_TIME: Duration = Duration::from_secs(10);
const RENEW_AFTER: Duration = Duration::from_secs(3);
const BATCH: i64 = 256;
/// How soon events of processes that send no wake-up calls (administrative commands) are found.
const IDLE_PAUSE: Duration = Duration::from_secs(1);
/// Minimum time between counts if more than one batch waits, because a count reads all events.
const COUNT_INTERVAL: Duration = Duration::from_secs(5);

/// The outcome of a batch.
enum BatchOutcome {
    All,
    /// The bus did not acknowledge the rest.
    Some,
    /// Another replica has the lease.
    WithoutLease,
}

/// A lease, and when it was last acquired or renewed.
struct HeldLease {
    lease: Lease,
    since: Instant,
}

impl HeldLease {
    fn renewed_now(lease: Lease) -> Self {
        Self { lease, since: Instant::now() }
    }
}

/// What a relay needs. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Relay {
    pub service: &'static str,
    pub db: Db,
    pub leases: Leases,
    pub bus: Arc<dyn Bus>,
    pub clock: Arc<dyn Clock>,
    pub wakeup: RelayWakeup,
    pub metrics: Arc<EventMetrics>,
    pub stop: CancellationToken,
}

impl Relay {
    /// Runs until the process stops, and once more after that for the events of the last requests.
    pub async fn run(self) {
        let mut lease: Option<HeldLease> = None;
        let mut counted: Option<Instant> = None;
        let mut pauses = retry_pauses();
        loop {
            let last = self.stop.is_cancelled();
            let outcome = self.publish_waiting(&mut lease, &mut counted).await;
            if last {
                break;
            }
            let pause = match outcome {
                Ok(true) => {
                    pauses = self::retry_pauses();
                    IDLE_PAUSE
                }
                Ok(false) => {
                    self.wakeup.wait_ignoring_wakeups(pauses.next().unwrap_or(IDLE_PAUSE)).await;
                    continue;
                }
                Err(e) => {
                    tracing::error!(
                        service = self.service,
                        error = format_error_chain(&e),
                        "the outbox cannot be read"
                    );
                    lease = None;
                    pauses.next().unwrap_or(IDLE_PAUSE)
                }
            };
            self.wakeup.wait(pause, lease.is_some()).await;
        }
        if let Some(lease) = lease
            && let Err(e) = self.leases.release(&lease.lease).await
        {
            tracing::warn!(
                service = self.service,
                error = format_error_chain(&e),
                "the lease of the relay could not be released"
            );
        }
    }

    /// Publishes the waiting events; `false` if the bus did not acknowledge all of them.
    async fn publish_waiting(
        &self,
        lease: &mut Option<HeldLease>,
        counted: &mut Option<Instant>,
    ) -> Result<bool, DbError> {
        loop {
            let held = match lease.take() {
                // A renewal is a write, and deletions check the lease anyway, so it is not renewed for each batch.
                Some(held) if held.since.elapsed() < RENEW_AFTER => Some(held),
                Some(held) if self.leases.renew(&held.lease, LEASE_TIME).await? => {
                    Some(HeldLease::renewed_now(held.lease))
                }
                _ => self.leases.acquire(LEASE, LEASE_TIME).await?.map(HeldLease::renewed_now),
            };
            // Another replica publishes.
            let Some(held) = held else {
                self.count_backlog(counted).await?;
                return Ok(true);
            };
            let batch = store::list_waiting_events(&mut self.db.read().await?, BATCH).await?;
            if i64::try_from(batch.len()).is_ok_and(|size| size < BATCH) {
                let oldest = batch.iter().map(|waiting| waiting.headers.changed_at).min();
                self.record_backlog(batch.len().try_into().unwrap_or(BATCH), oldest);
            } else {
                self.count_backlog(counted).await?;
            }
            if batch.is_empty() {
                *lease = Some(held);
                return Ok(true);
            }
            match self.publish_batch(&held.lease, &batch).await? {
                BatchOutcome::All => *lease = Some(held),
                BatchOutcome::Some => {
                    *lease = Some(held);
                    return Ok(false);
                }
                // The next pass acquires the lease first.
                BatchOutcome::WithoutLease => {}
            }
        }
    }

    async fn publish_batch(&self, lease: &Lease, batch: &[Envelope]) -> Result<BatchOutcome, DbError> {
        let events: Vec<Envelope> = batch.iter().map(|waiting| self.with_send_span(waiting)).collect();
        let taken = self.bus.publish(&events).await;
        let ids: Vec<&str> =
            batch.iter().zip(&taken).filter(|(_, taken)| **taken).map(|(w, _)| w.id.as_str()).collect();
        if !ids.is_empty() {
            let deleted = self
                .db
                .write(async |tx| {
                    // Without the lease nothing is deleted: its next holder publishes again, and inboxes know the ids.
                    if lease.is_held(tx).await? {
                        store::delete_published_events(tx, &ids).await.map(Some)
                    } else {
                        Ok(None)
                    }
                })
                .await?;
            let Some(deleted) = deleted else { return Ok(BatchOutcome::WithoutLease) };
            self.metrics.sent.get_or_create(&ServiceLabels { undulator_service: self.service }).inc_by(deleted);
        }
        if ids.len() < batch.len() {
            let kept = batch.len() - ids.len();
            tracing::warn!(
                service = self.service,
                events = kept,
                "the bus did not acknowledge events; they are published later"
            );
        }
        Ok(if ids.len() == batch.len() { BatchOutcome::All } else { BatchOutcome::Some })
    }

    /// The event with the trace context of its publication.
    fn with_send_span(&self, waiting: &Envelope) -> Envelope {
        let mut envelope = waiting.clone();
        if envelope.headers.traceparent.is_empty() {
            return envelope;
        }
        let span = tracing::info_span!(
            "send",
            otel.name = format!("send {}", envelope.subject),
            otel.kind = "producer",
            undulator.service = self.service,
            messaging.destination.name = envelope.subject,
            messaging.message.id = envelope.id,
        );
        let context =
            telemetry::remote_context(|name| (name == "traceparent").then_some(waiting.headers.traceparent.as_str()));
        telemetry::continue_trace(&span, context);
        let propagated = span.in_scope(telemetry::trace_headers);
        if let Some((_, traceparent)) = propagated.into_iter().find(|(name, _)| name == "traceparent") {
            envelope.headers.traceparent = traceparent;
        }
        envelope
    }

    /// Counts the waiting events, unless that was done a moment ago.
    async fn count_backlog(&self, counted: &mut Option<Instant>) -> Result<(), DbError> {
        if counted.is_none_or(|counted| counted.elapsed() >= COUNT_INTERVAL) {
            let (size, oldest) = store::measure_backlog(&mut self.db.read().await?).await?;
            self.record_backlog(size, oldest);
            *counted = Some(Instant::now());
        }
        Ok(())
    }

    fn record_backlog(&self, size: i64, oldest: Option<Micros>) {
        let labels = ServiceLabels { undulator_service: self.service };
        let age = oldest.map_or(Duration::ZERO, |oldest| self.clock.now_micros().duration_since(oldest));
        self.metrics.outbox_size.get_or_create(&labels).set(size);
        self.metrics.outbox_oldest_age.get_or_create(&labels).set(age.as_secs_f64());
    }
}

/// The pause after failures: random, 50 ms at first, doubled up to 5 s.
pub(crate) fn retry_pauses() -> impl Iterator<Item = Duration> {
    backon::ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(50))
        .with_max_delay(Duration::from_secs(5))
        .without_max_times()
        .with_jitter()
        .build()
}

/// The span in which the effect of an event is stored: a child of the span of a recent change, otherwise linked to it.
pub(crate) fn process_span(consumer: &str, envelope: &Envelope, now: Micros) -> tracing::Span {
    const RECENT: Duration = Duration::from_mins(1);
    let span = tracing::info_span!(
        "process",
        otel.name = format!("process {}", envelope.subject),
        otel.kind = "consumer",
        messaging.consumer.group.name = consumer,
        messaging.destination.name = envelope.subject,
        messaging.message.id = envelope.id,
    );
    let context = telemetry::remote_context(|name| {
        (name == "traceparent" && !envelope.headers.traceparent.is_empty())
            .then_some(envelope.headers.traceparent.as_str())
    });
    if now.duration_since(envelope.headers.changed_at) <= RECENT {
        telemetry::continue_trace(&span, context);
    } else {
        telemetry::link_trace(&span, &context);
    }
    span
}

/// Runs work inside a span that belongs to an event.
pub(crate) async fn run_in_span<T>(span: tracing::Span, work: impl Future<Output = T>) -> T {
    work.instrument(span).await
}
