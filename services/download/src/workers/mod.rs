//! Background jobs of downloads.

pub mod checksums;
pub mod expiry;
pub mod orphaned_files;
pub mod reports;
