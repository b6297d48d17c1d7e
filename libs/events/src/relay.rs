//! The relay: publishes the events of the outbox in batches, in one replica at a time, and deletes exactly those that the
//! bus has acknowledged.

use std::collections::HashSet;
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
/// How long published events stay in the outbox at most, so that one deletion removes many: nobody waits for it, but on `SQLite`
/// those who write do. Events that are found again after a failure are published again, and inboxes know their ids.
const MAX_TIME_KEPT: Duration = Duration::from_millis(100);
/// Minimum time between counts if more than one batch waits, because a count reads all events.
const COUNT_INTERVAL: Duration = Duration::from_secs(5);

/// Published events that are still in the outbox.
#[derive(Default)]
struct PublishedEvents {
    ids: HashSet<String>,
    /// When the first of them was published.
    since: Option<Instant>,
}

impl PublishedEvents {
    fn insert(&mut self, ids: impl IntoIterator<Item = String>) {
        self.ids.extend(ids);
        if !self.ids.is_empty() {
            self.since.get_or_insert_with(Instant::now);
        }
    }

    /// The time until they should be deleted.
    fn time_left(&self) -> Option<Duration> {
        self.since.map(|since| MAX_TIME_KEPT.saturating_sub(since.elapsed()))
    }

    fn should_be_deleted(&self) -> bool {
        self.time_left().is_some_and(|left| left.is_zero()) || i64::try_from(self.ids.len()).is_ok_and(|n| n >= BATCH)
    }
}

/// What a relay knows from one pass to the next.
#[derive(Default)]
struct Progress {
    lease: Option<HeldLease>,
    published: PublishedEvents,
    /// When the waiting events were counted.
    counted: Option<Instant>,
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
        let mut progress = Progress::default();
        let mut pauses = retry_pauses();
        loop {
            let last = self.stop.is_cancelled();
            let outcome = self.publish_waiting(&mut progress).await;
            if last {
                break;
            }
            let pause = match outcome {
                Ok(true) => {
                    pauses = self::retry_pauses();
                    progress.published.time_left().unwrap_or(IDLE_PAUSE)
                }
                Ok(false) => {
                    self.wakeup.wait_ignoring_wakeups(pauses.next().unwrap_or(IDLE_PAUSE)).await;
                    continue;
                }
                Err(e) => {
                    tracing::error!(
                        service = self.service,
                        error = format_error_chain(&e),
                        "the outbox cannot be read or written"
                    );
                    progress.lease = None;
                    pauses.next().unwrap_or(IDLE_PAUSE)
                }
            };
            self.wakeup.wait(pause, progress.lease.is_some()).await;
        }
        if let Err(e) = self.end(progress).await {
            tracing::warn!(
                service = self.service,
                error = format_error_chain(&e),
                "the lease of the relay could not be released, or published events are still in the outbox"
            );
        }
    }

    /// Leaves everything to the next holder of the lease.
    async fn end(&self, mut progress: Progress) -> Result<(), DbError> {
        let Some(held) = progress.lease.take() else { return Ok(()) };
        self.delete_published(&held.lease, &mut progress.published).await?;
        self.leases.release(&held.lease).await
    }

    /// Publishes the waiting events; `false` if the bus did not acknowledge all of them.
    async fn publish_waiting(&self, progress: &mut Progress) -> Result<bool, DbError> {
        loop {
            let held = match progress.lease.take() {
                // A renewal is a write, and deletions check the lease anyway, so it is not renewed for each batch.
                Some(held) if held.since.elapsed() < RENEW_AFTER => Some(held),
                Some(held) if self.leases.renew(&held.lease, LEASE_TIME).await? => {
                    Some(HeldLease::renewed_now(held.lease))
                }
                _ => self.leases.acquire(LEASE, LEASE_TIME).await?.map(HeldLease::renewed_now),
            };
            // Another replica publishes.
            let Some(held) = held else {
                progress.published = PublishedEvents::default();
                self.count_backlog(progress).await?;
                return Ok(true);
            };
            if progress.published.should_be_deleted()
                && !self.delete_published(&held.lease, &mut progress.published).await?
            {
                // The next pass acquires the lease first.
                continue;
            }
            let batch = self.list_unpublished(&progress.published).await?;
            if i64::try_from(batch.len()).is_ok_and(|size| size < BATCH) {
                let oldest = batch.iter().map(|waiting| waiting.headers.changed_at).min();
                self.record_backlog(batch.len().try_into().unwrap_or(BATCH), oldest);
            } else {
                self.count_backlog(progress).await?;
            }
            let is_complete = self.publish_batch(&batch, &mut progress.published).await;
            progress.lease = Some(held);
            if batch.is_empty() || !is_complete {
                return Ok(is_complete);
            }
        }
    }

    async fn list_unpublished(&self, published: &PublishedEvents) -> Result<Vec<Envelope>, DbError> {
        let limit = BATCH + i64::try_from(published.ids.len()).unwrap_or(BATCH);
        let mut waiting = store::list_waiting_events(&mut self.db.read().await?, limit).await?;
        waiting.retain(|event| !published.ids.contains(&event.id));
        waiting.truncate(BATCH.try_into().unwrap_or(usize::MAX));
        Ok(waiting)
    }

    /// Publishes events; whether the bus acknowledged all of them.
    async fn publish_batch(&self, batch: &[Envelope], published: &mut PublishedEvents) -> bool {
        if batch.is_empty() {
            return true;
        }
        let events: Vec<Envelope> = batch.iter().map(|waiting| self.with_send_span(waiting)).collect();
        let taken = self.bus.publish(&events).await;
        let ids: Vec<String> =
            batch.iter().zip(&taken).filter(|(_, taken)| **taken).map(|(waiting, _)| waiting.id.clone()).collect();
        let kept = batch.len() - ids.len();
        let sent = u64::try_from(ids.len()).unwrap_or_default();
        self.metrics.sent.get_or_create(&ServiceLabels { undulator_service: self.service }).inc_by(sent);
        published.insert(ids);
        if kept > 0 {
            tracing::warn!(
                service = self.service,
                events = kept,
                "the bus did not acknowledge events; they are published later"
            );
        }
        kept == 0
    }

    /// Deletes published events from the outbox; `false` if another replica has the lease.
    async fn delete_published(&self, lease: &Lease, published: &mut PublishedEvents) -> Result<bool, DbError> {
        let ids: Vec<&str> = published.ids.iter().map(String::as_str).collect();
        let is_held = ids.is_empty()
            || self
                .db
                .write(async |tx| {
                    // Without the lease nothing is deleted: its next holder publishes again, and inboxes know the ids.
                    let is_held = lease.is_held(tx).await?;
                    if is_held {
                        store::delete_published_events(tx, &ids).await?;
                    }
                    Ok::<_, DbError>(is_held)
                })
                .await?;
        *published = PublishedEvents::default();
        Ok(is_held)
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
    async fn count_backlog(&self, progress: &mut Progress) -> Result<(), DbError> {
        if progress.counted.is_none_or(|counted| counted.elapsed() >= COUNT_INTERVAL) {
            let (size, oldest) = store::measure_backlog(&mut self.db.read().await?).await?;
            let published = i64::try_from(progress.published.ids.len()).unwrap_or_default();
            self.record_backlog((size - published).max(0), oldest);
            progress.counted = Some(Instant::now());
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
