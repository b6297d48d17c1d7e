//! `/icat/session`

pub mod create;
pub mod end;
pub mod get;
pub mod refresh;
