//! All SQL of downloads.

pub mod checksums;
pub mod hashing;
pub mod keys;
pub mod manifests;
pub mod missing;
pub mod prepared;
pub mod unclaimed;
