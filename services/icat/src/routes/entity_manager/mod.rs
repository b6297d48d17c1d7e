//! `/icat/entityManager`

pub mod delete;
pub mod read;
pub mod search;
pub mod write;
