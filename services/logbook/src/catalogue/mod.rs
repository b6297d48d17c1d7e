//! What the catalogue (ICAT) knows: investigations, visits, instruments, users, and who may do what.

pub mod investigation_assignment;
pub mod permissions;
pub mod users;
