//! `/session` of ICAT+.

pub mod create;
mod description;
pub mod end;
pub mod get;
pub mod refresh;
mod responses;
