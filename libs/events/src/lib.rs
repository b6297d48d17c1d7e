//! Events between services. An event states what changed, who changed it and when; consumers read the state itself.
//!
//! The transaction of a change writes its event into the `outbox` table ([`Outbox::emit`]). One replica, the holder of a
//! lease, publishes the event and deletes it after the bus has acknowledged it. A consumer stores the id of the event
//! and its effect in one transaction, so the effect is stored once however often the event is delivered. A failed event
//! is retried from the `dead_letter` table, and parked there in the end. The bus is NATS `JetStream` or, within one
//! process, memory. The guarantee is the same: acknowledged ⊆ effects ⊆ attempted. The order is not guaranteed.

pub mod admin;
/// For tests that implement a bus.
#[doc(hidden)]
pub mod bus;
mod consumer;
mod dead_letters;
mod envelope;
mod events;
mod listener;
pub mod messages;
mod metrics;
mod outbox;
mod relay;
mod relay_wakeup;
pub mod store;

pub use self::consumer::{Consumer, Received};
pub use self::envelope::{Envelope, Headers};
pub use self::events::Events;
pub use self::messages::Event;
pub use self::outbox::Outbox;
