//! What every service relies on, on both engines.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

mod bulk;
mod common_commits;
mod copy;
mod database;
mod full_disk;
mod given_up;
mod increments;
mod loaded_rows;
mod memory;
mod numbers;
mod opened;
mod outages;
mod row_updates;
mod rowid_tables;
mod statements;
mod table_locks;
