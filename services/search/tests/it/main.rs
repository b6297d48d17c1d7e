//! The search service from outside.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

mod authorized;
mod brute_force;
mod catalogue;
mod crash;
mod engine;
mod facility;
mod full_disk;
mod icat_lucene_admin;
mod index_identity;
mod index_progress;
mod index_status;
mod lucene;
mod lucene_access;
mod offered_fields;
mod openapi;
mod opensearch;
mod order_of_changes;
mod paths;
mod recorded;
mod settings;
mod statements;
mod stopped_scans;
mod techniques;
mod units;
mod v1;
mod web;
