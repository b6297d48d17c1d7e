//! Background jobs.

pub mod attach;
pub mod close;
pub mod live;
pub mod sweep;
