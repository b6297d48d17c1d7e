//! The floor seen from outside: databases of both engines, settings, HTTP.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

mod config;
mod database;
mod http;
mod increments;
