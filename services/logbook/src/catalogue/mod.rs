//! What the catalogue (ICAT) knows: investigations, visits, instruments, users, and who may do what.

pub mod datafile_viewer;
pub mod icat_lookup;
pub mod instruments;
pub mod investigation_assignment;
pub mod permissions;
pub mod users;
pub mod visits;
