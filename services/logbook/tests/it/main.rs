//! The logbook from outside, over the embedded catalogue, on every engine at hand.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

mod bodies;
mod careless;
mod closed;
mod concurrency_limit;
mod exports;
mod facility;
mod history;
mod institute;
mod live;
mod notifications;
mod openapi;
mod operations;
mod permissions;
mod placing;
mod programs;
mod requests;
mod search;
mod statements;
mod tickets;
