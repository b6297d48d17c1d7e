//! The rules of downloads as pure functions.

pub mod conditions;
pub mod ids;
pub mod names;
