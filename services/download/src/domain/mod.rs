//! The rules of downloads as pure functions.

pub mod checksums;
pub mod conditions;
pub mod format;
pub mod ids;
pub mod names;
pub mod pace;
