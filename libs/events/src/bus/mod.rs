//! Buses, which deliver events. Events stay in the outbox until the bus has stored them permanently.

mod memory;
mod nats;

use std::convert::Infallible;

use async_trait::async_trait;
use thiserror::Error;
use tokio::sync::Notify;

pub use self::memory::MemoryBus;
pub use self::nats::NatsBus;
use crate::envelope::Envelope;

/// A failure of the bus; the text is for the log.
#[derive(Debug, Error)]
#[error("{0}")]
pub struct BusError(pub String);

/// What a consumer finds when it starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscriptionStart {
    /// The identity of the stream. A stream that was lost and created again has another one.
    pub stream: String,
    /// Whether the bus has dropped events that this consumer had not received.
    pub missed_events: bool,
}

#[async_trait]
pub trait Bus: Send + Sync {
    /// Publishes events; for each in order, whether the bus has stored it permanently.
    async fn publish(&self, events: &[Envelope]) -> Vec<bool>;

    /// Subscribes a durable consumer to a subject; events that it did not acknowledge are delivered again.
    async fn subscribe(
        &self,
        consumer: &str,
        subject: &str,
    ) -> Result<(SubscriptionStart, Box<dyn Subscription>), BusError>;

    /// Called when the process stops: returns the events that the bus holds for the consumer in this process.
    async fn remove_consumer(&self, _consumer: &str) {}

    /// Delivers a subject to this process from now on, without guarantee; for caches.
    async fn listen(&self, subject: &str) -> Result<Box<dyn EventStream>, BusError>;

    /// Tells the relays of a service in other processes that an event waits. Calls may be lost: relays also look at the
    /// outbox at intervals.
    async fn wake_relays(&self, _service: &str) {}

    /// Forwards such calls to `wake` from now on.
    async fn forward_wakeups(&self, _service: &str, _called: &Notify) -> Result<Infallible, BusError> {
        std::future::pending().await
    }

    /// Why events cannot be delivered now.
    fn status(&self) -> Result<(), String>;
}

#[async_trait]
pub trait Subscription: Send {
    /// Waits for at least one delivery, and returns at most `max`.
    async fn next_batch(&mut self, max: usize) -> Result<Vec<Delivery>, BusError>;
}

#[async_trait]
pub trait EventStream: Send {
    /// The next event. After an error, events may have been missed.
    async fn next(&mut self) -> Result<Envelope, BusError>;
}

/// An event that must be acknowledged once its effect is stored.
pub struct Delivery {
    pub envelope: Envelope,
    pub ack: Box<dyn Acknowledge>,
}

#[async_trait]
pub trait Acknowledge: Send {
    /// Acknowledges the event. If the acknowledgement is lost, the event is delivered again.
    async fn acknowledge(self: Box<Self>);
    /// Asks for another delivery soon, because the effect could not be stored.
    async fn redeliver(self: Box<Self>);
}
