//! The floor seen from outside: settings, HTTP, workers.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

mod bodies;
mod compression;
mod config;
mod cors;
mod dialects;
mod framing;
mod health;
mod http;
mod idempotency;
mod internal;
mod leases;
mod metrics;
mod openapi;
mod proxies;
mod upkeep;
mod workers;
