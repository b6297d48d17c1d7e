//! All SQL of the catalogue, except what queries are compiled to.

mod author;
mod grant_maintenance;
pub mod entities;
pub mod grants;
pub mod rules;
pub mod sessions;

pub use self::author::Author;
pub use self::grant_maintenance::GrantMaintenance;
