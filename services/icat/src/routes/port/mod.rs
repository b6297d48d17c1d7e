//! `/icat/port`: dumps out and in.

pub mod export;
pub mod import;
