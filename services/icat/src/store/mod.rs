//! All SQL of the catalogue, except what queries are compiled to.

mod author;
mod counter_verification;
pub mod datafile_counters;
mod derived_rows;
pub mod entities;
mod grant_maintenance;
pub mod grants;
pub(crate) mod new_rows;
mod row_updates;
pub mod rows;
pub mod rules;
pub mod sessions;

pub use self::author::Author;
pub use self::grant_maintenance::MaintainedSets;
