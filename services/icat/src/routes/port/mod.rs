//! `/icat/port`: export and import.

pub mod export;
pub mod import;
