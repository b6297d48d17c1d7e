//! All SQL of downloads.

pub mod checksum_jobs;
pub mod checksums;
pub mod manifests;
pub mod missing_files;
pub mod orphan_checks;
pub mod prepared_selections;
pub mod signing_keys;
