//! All SQL of downloads.

pub mod checksums;
pub mod checksum_jobs;
pub mod signing_keys;
pub mod manifests;
pub mod missing_files;
pub mod prepared_selections;
pub mod orphan_checks;
