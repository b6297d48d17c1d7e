//! Events seen from services: on both buses and both engines, over buses that refuse, and over a NATS server that is
//! stopped, filled and wiped.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

mod arrangements;
mod bus;
mod delivery;
mod failures;
mod faulty;
mod gaps;
mod outages;
mod outbox;
mod relay;
mod relay_wakeup;
mod statements;
mod traces;
