//! The logbook from outside, over the embedded catalogue, on every engine at hand.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

mod exports;
mod facility;
mod history;
mod openapi;
mod operations;
mod permissions;
mod programs;
mod statements;
