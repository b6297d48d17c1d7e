//! The library as services use it: settings, HTTP, workers.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

mod bodies;
mod checkpointer;
mod compression;
mod config;
mod cors;
mod credentials;
mod error_formats;
mod framing;
mod health;
mod http;
mod idempotency;
mod internal;
mod leases;
mod metrics;
mod openapi;
mod proxies;
mod workers;
