//! What every service relies on, on both engines.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

mod copy;
mod database;
mod increments;
