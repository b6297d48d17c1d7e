//! All SQL of the catalogue, except what queries are compiled to.

mod author;
pub mod entities;
pub mod rows;
pub mod rules;
pub mod sessions;

pub use self::author::Author;
