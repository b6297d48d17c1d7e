//! The ways an event travels. A bus says which events it has for good; until then they stay in the outbox.

mod memory;
mod nats;

use std::convert::Infallible;

use async_trait::async_trait;
use thiserror::Error;
use tokio::sync::Notify;

pub use self::memory::MemoryBus;
pub use self::nats::NatsBus;
use crate::envelope::Envelope;

/// The bus does not work now; the text is for the log.
#[derive(Debug, Error)]
#[error("{0}")]
pub struct BusError(pub String);

/// What a consumer finds when it begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscriptionStart {
    /// Differs between streams; a stream that was lost and made again is another one.
    pub stream: String,
    /// The bus knows that it dropped events before this consumer had them.
    pub missed_events: bool,
}

#[async_trait]
pub trait Bus: Send + Sync {
    /// For each event, in order, whether the bus has it for good.
    async fn publish(&self, events: &[Envelope]) -> Vec<bool>;

    /// Begins to deliver a subject to a durable consumer; what was not acknowledged comes again.
    async fn subscribe(
        &self,
        consumer: &str,
        subject: &str,
    ) -> Result<(SubscriptionStart, Box<dyn Subscription>), BusError>;

    /// The process stops and this consumer takes no more: what the bus keeps for it in this process goes back.
    async fn remove_consumer(&self, _consumer: &str) {}

    /// Delivers a subject to this process from now on, without promise; for caches.
    async fn listen(&self, subject: &str) -> Result<Box<dyn EventStream>, BusError>;

    /// Tells the relays of a service in other processes that an event waits for them. Without promise: they also look by
    /// themselves.
    async fn wake_relays(&self, _service: &str) {}

    /// Passes such calls on from now on.
    async fn forward_wakeups(&self, _service: &str, _called: &Notify) -> Result<Infallible, BusError> {
        std::future::pending().await
    }

    /// Why events do not flow at the moment.
    fn status(&self) -> Result<(), String>;
}

#[async_trait]
pub trait Subscription: Send {
    /// At least one delivery, at most `max`.
    async fn next_batch(&mut self, max: usize) -> Result<Vec<Delivery>, BusError>;
}

#[async_trait]
pub trait EventStream: Send {
    /// The next event; an error means that some may have been missed.
    async fn next(&mut self) -> Result<Envelope, BusError>;
}

/// An event that must be acknowledged once its effect is stored.
pub struct Delivery {
    pub envelope: Envelope,
    pub ack: Box<dyn Acknowledge>,
}

#[async_trait]
pub trait Acknowledge: Send {
    /// A lost acknowledgement only means another delivery.
    async fn acknowledge(self: Box<Self>);
    /// The effect could not be stored: deliver again soon.
    async fn redeliver(self: Box<Self>);
}
