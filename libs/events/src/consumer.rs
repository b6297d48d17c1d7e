//! Consumers: store the id of an event and its effect in one transaction.

use std::marker::PhantomData;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::FutureExt as _;
use service_kit::problem::format_error_chain;
use service_kit::{Clock, Code, Db, DbError, Micros, Problem, Tx};
use tokio_util::sync::CancellationToken;

use crate::bus::{Bus, BusError, Delivery, Subscription, SubscriptionStart};
use crate::dead_letters;
use crate::envelope::Envelope;
use crate::messages::{Event, EventKind};
use crate::metrics::{ConsumerLabels, EventMetrics};
use crate::relay::{process_span, retry_pauses, run_in_span};
use crate::store;

/// Events per transaction.
const BATCH: usize = 64;

/// A received event, as its handler gets it.
#[derive(Debug, Clone)]
pub struct Received<E> {
    pub event: E,
    /// The same at every delivery.
    pub id: String,
    /// The service that made the change.
    pub source: String,
    /// When the change was made.
    pub changed_at: Micros,
}

/// The consumer of one type of event: its name and its handler.
pub struct Consumer {
    pub(crate) name: &'static str,
    pub(crate) subject: &'static str,
    pub(crate) handle: Arc<dyn EventHandler>,
    pub(crate) reconcile: Option<Arc<dyn Reconcile>>,
}

#[async_trait(?Send)]
pub(crate) trait EventHandler: Send + Sync {
    async fn handle_event(&self, tx: &mut Tx, envelope: &Envelope) -> Result<(), Problem>;
}

#[async_trait(?Send)]
pub(crate) trait Reconcile: Send + Sync {
    async fn reconcile(&self) -> Result<(), Problem>;
}

struct TypedHandler<E, F>(F, PhantomData<fn(E)>);

#[async_trait(?Send)]
impl<E: Event, F> EventHandler for TypedHandler<E, F>
where
    F: AsyncFn(&mut Tx, &Received<E>) -> Result<(), Problem> + Send + Sync,
{
    async fn handle_event(&self, tx: &mut Tx, envelope: &Envelope) -> Result<(), Problem> {
        let received = Received {
            event: E::decode(envelope.payload.as_slice()).map_err(unreadable_payload)?,
            id: envelope.id.clone(),
            source: envelope.headers.source.clone(),
            changed_at: envelope.headers.changed_at,
        };
        (self.0)(tx, &received).await
    }
}

struct FieldsHandler<F>(EventKind, F);

#[async_trait(?Send)]
impl<F> EventHandler for FieldsHandler<F>
where
    F: AsyncFn(&mut Tx, &Received<serde_json::Value>) -> Result<(), Problem> + Send + Sync,
{
    async fn handle_event(&self, tx: &mut Tx, envelope: &Envelope) -> Result<(), Problem> {
        let received = Received {
            event: self.0.decode_fields(envelope.payload.as_slice()).map_err(unreadable_payload)?,
            id: envelope.id.clone(),
            source: envelope.headers.source.clone(),
            changed_at: envelope.headers.changed_at,
        };
        (self.1)(tx, &received).await
    }
}

fn unreadable_payload(e: prost::DecodeError) -> Problem {
    Problem::new(Code::BadRequest, "events/unreadable", "the payload cannot be decoded").with_source(e)
}

struct ReconcileHook<F>(F);

#[async_trait(?Send)]
impl<F: AsyncFn() -> Result<(), Problem> + Send + Sync> Reconcile for ReconcileHook<F> {
    async fn reconcile(&self) -> Result<(), Problem> {
        (self.0)().await
    }
}

impl Consumer {
    /// `name` is `<service>-<purpose>` and must not change, because the bus stores under it what was delivered. The
    /// handler does database work only. It may run more than once for an event, but its effect is stored once. If it
    /// fails, the event is retried later and does not block the others.
    pub fn new<E: Event, F>(name: &'static str, handler: F) -> Self
    where
        F: AsyncFn(&mut Tx, &Received<E>) -> Result<(), Problem> + Send + Sync + 'static,
    {
        let handle = Arc::new(TypedHandler::<E, F>(handler, PhantomData));
        Self { name, subject: E::SUBJECT, handle, reconcile: None }
    }

    /// The same for an event type that is named in a setting; the handler gets the fields by name.
    pub fn for_kind<F>(name: &'static str, kind: EventKind, handler: F) -> Self
    where
        F: AsyncFn(&mut Tx, &Received<serde_json::Value>) -> Result<(), Problem> + Send + Sync + 'static,
    {
        Self { name, subject: kind.subject, handle: Arc::new(FieldsHandler(kind, handler)), reconcile: None }
    }

    /// Called when this consumer may have missed events: at its first start, after the stream was lost, or if it was
    /// down for longer than events are kept. It brings the whole state up to date, and must be idempotent.
    pub fn on_gap(mut self, hook: impl AsyncFn() -> Result<(), Problem> + Send + Sync + 'static) -> Self {
        self.reconcile = Some(Arc::new(ReconcileHook(hook)));
        self
    }
}

/// What a running consumer needs. Cheap to clone.
#[derive(Clone)]
pub(crate) struct RunningConsumer {
    pub name: &'static str,
    pub subject: &'static str,
    pub handle: Arc<dyn EventHandler>,
    pub reconcile: Option<Arc<dyn Reconcile>>,
    pub db: Db,
    pub bus: Arc<dyn Bus>,
    pub clock: Arc<dyn Clock>,
    pub metrics: Arc<EventMetrics>,
    pub stop: CancellationToken,
}

/// Why a consumer must restart.
#[derive(Debug, thiserror::Error)]
enum Interruption {
    #[error(transparent)]
    Bus(#[from] BusError),
    #[error(transparent)]
    Database(#[from] DbError),
    #[error(transparent)]
    Reconcile(#[from] Problem),
}

impl RunningConsumer {
    /// Runs until the process stops. After a failure of the bus it restarts, with growing pauses.
    pub async fn run(self) {
        let mut pauses = retry_pauses();
        loop {
            let stopped = self.stop.clone().cancelled_owned();
            let mut delivered = false;
            tokio::select! {
                // The current batch is finished before the stop: `work` checks for the stop between batches.
                outcome = self.consume_until_interrupted(&mut delivered) => {
                    if let Err(e) = outcome {
                        tracing::warn!(consumer = self.name, error = format_error_chain(&e), "the consumer restarts");
                    }
                }
                () = async { stopped.await; tokio::time::sleep(STOP_GRACE).await } => {}
            }
            if self.stop.is_cancelled() {
                return self.bus.remove_consumer(self.name).await;
            }
            if delivered {
                pauses = self::retry_pauses();
            }
            let pause = pauses.next().unwrap_or(STOP_GRACE);
            let _stopped = tokio::time::timeout(pause, self.stop.cancelled()).await;
        }
    }

    async fn consume_until_interrupted(&self, delivered: &mut bool) -> Result<(), Interruption> {
        let (beginning, mut subscription) = self.bus.subscribe(self.name, self.subject).await?;
        self.catch_up(&beginning).await?;
        loop {
            let deliveries = tokio::select! {
                biased;
                () = self.stop.cancelled() => return Ok(()),
                deliveries = next_batch(&mut *subscription) => deliveries?,
            };
            *delivered = true;
            self.process_batch(deliveries).await;
        }
    }

    async fn catch_up(&self, beginning: &SubscriptionStart) -> Result<(), Interruption> {
        let known = store::find_position(&mut self.db.read().await?, self.name).await?;
        if known.as_ref() == Some(&beginning.stream) && !beginning.missed_events {
            return Ok(());
        }
        if let Some(hook) = &self.reconcile {
            tracing::info!(consumer = self.name, "events may be missing; reading the whole state");
            hook.reconcile().await?;
        }
        let now = self.clock.now_micros();
        self.db.write(async |tx| store::save_position(tx, self.name, &beginning.stream, now).await).await?;
        Ok(())
    }

    /// Stores the effects of a batch in one transaction; if that fails, each event in its own.
    async fn process_batch(&self, deliveries: Vec<Delivery>) {
        let now = self.clock.now_micros();
        let together = self
            .db
            .write(async |tx| -> Result<u64, Problem> {
                let mut fresh = 0;
                for delivery in &deliveries {
                    fresh += u64::from(self.store_effect(tx, &delivery.envelope, now).await?);
                }
                Ok(fresh)
            })
            .await;
        if let Ok(fresh) = together {
            self.count_events(fresh, deliveries.len());
            for delivery in deliveries {
                delivery.ack.acknowledge().await;
            }
            return;
        }
        for delivery in deliveries {
            self.process_single(delivery, now).await;
        }
    }

    async fn process_single(&self, delivery: Delivery, now: Micros) {
        let Delivery { envelope, ack } = delivery;
        let outcome = self.db.write(async |tx| self.store_effect(tx, &envelope, now).await).await;
        let problem = match outcome {
            Ok(fresh) => {
                self.count_events(u64::from(fresh), 1);
                return ack.acknowledge().await;
            }
            Err(problem) => problem,
        };
        let reason = format_error_chain(&problem);
        if is_database_failure(&problem) {
            tracing::error!(consumer = self.name, error = reason, "the database cannot store events");
            return ack.redeliver().await;
        }
        let buried = self
            .db
            .write(async |tx| -> Result<(), DbError> {
                if store::insert_receipt(tx, self.name, &envelope.id, now).await? {
                    let next = now + dead_letters::retry_delay(1);
                    store::insert_dead_letter(tx, self.name, &envelope, &reason, now, next).await?;
                }
                Ok(())
            })
            .await;
        match buried {
            Ok(()) => {
                tracing::warn!(
                    consumer = self.name,
                    event.id = envelope.id,
                    error = reason,
                    "event failed; it is retried later"
                );
                self.metrics.dead_letters.get_or_create(&self.labels()).inc();
                ack.acknowledge().await;
            }
            Err(e) => {
                tracing::error!(
                    consumer = self.name,
                    error = format_error_chain(&e),
                    "the database cannot store events"
                );
                ack.redeliver().await;
            }
        }
    }

    /// Stores an event and its effect; false if the event is known already.
    async fn store_effect(&self, tx: &mut Tx, envelope: &Envelope, now: Micros) -> Result<bool, Problem> {
        if !store::insert_receipt(tx, self.name, &envelope.id, now).await? {
            return Ok(false);
        }
        let span = process_span(self.name, envelope, now);
        run_in_span(span, run_handler(&*self.handle, tx, envelope)).await?;
        Ok(true)
    }

    fn count_events(&self, fresh: u64, delivered: usize) {
        let duplicates = u64::try_from(delivered).unwrap_or(u64::MAX).saturating_sub(fresh);
        self.metrics.consumed.get_or_create(&self.labels()).inc_by(fresh);
        self.metrics.duplicates.get_or_create(&self.labels()).inc_by(duplicates);
    }

    fn labels(&self) -> ConsumerLabels {
        ConsumerLabels { consumer: self.name.to_owned() }
    }
}

/// Whether the database failed rather than the handler. Then the event is retried without a limit.
pub(crate) fn is_database_failure(problem: &Problem) -> bool {
    let error = problem.source.as_ref().and_then(|source| source.downcast_ref::<DbError>());
    error.is_some_and(|error| {
        matches!(
            error,
            DbError::Busy(_)
                | DbError::Conflict(_)
                | DbError::DiskFull(_)
                | DbError::Unavailable(_)
                | DbError::CommitUnknown(_)
        )
    })
}

/// Runs the handler. A panic counts as a failure of this event and does not affect others.
pub(crate) async fn run_handler(handler: &dyn EventHandler, tx: &mut Tx, envelope: &Envelope) -> Result<(), Problem> {
    let outcome = AssertUnwindSafe(handler.handle_event(tx, envelope)).catch_unwind().await;
    outcome.unwrap_or_else(|_| Err(Problem::internal("the handler panicked")))
}

/// How long the current batch may take after the stop.
const STOP_GRACE: std::time::Duration = std::time::Duration::from_secs(5);

async fn next_batch(subscription: &mut dyn Subscription) -> Result<Vec<Delivery>, BusError> {
    subscription.next_batch(BATCH).await
}
