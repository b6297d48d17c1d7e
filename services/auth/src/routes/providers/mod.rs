//! `/auth/v1/providers`: the identity providers, for portals and programs.

pub mod device;
pub mod list;
