//! The client against a server that answers whatever a test wants; `services/icat/tests/it/client.rs` has the real one.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

mod catalogue_changes;
mod limits;
mod polling;
mod queries;
mod readable_rows;
mod retries;
mod server;
