//! Background jobs.

pub mod attach;
pub mod sweep;
