//! Background jobs.

pub mod attach;
