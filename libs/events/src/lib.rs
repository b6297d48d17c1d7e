//! Events between services: what changed, who changed it, and when; consumers read the state itself.
//!
//! An event is written into the `outbox` table by the transaction of its change ([`Outbox::emit`]). One replica, the
//! holder of a lease, publishes it and deletes it once the bus has it. A consumer stores the event's id and its effect
//! in one transaction, so that each effect is stored once however often the event arrives. What fails is tried again
//! from the `dead_letter` table and finally parked there. The bus is NATS `JetStream`, or, within one process, memory;
//! the promise is the same: acknowledged ⊆ effects ⊆ attempted. No order is promised.

pub mod admin;
/// For tests that stand in for a bus.
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
