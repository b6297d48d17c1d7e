//! Background jobs.

pub mod attach;
pub mod live;
pub mod sweep;
