//! The logbook from outside, over the embedded catalogue, on every engine at hand.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

mod assignment;
mod bodies;
mod careless;
mod closed;
mod concurrency_limit;
mod exports;
mod facility;
mod foreign_catalogue;
mod history;
mod institute;
mod live;
mod notifications;
mod openapi;
mod operations;
mod permissions;
mod programs;
mod readable;
mod requests;
mod required_levels;
mod search;
mod signed_urls;
mod statements;
