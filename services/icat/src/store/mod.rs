//! All SQL of the catalogue but what queries compile to.

mod author;
pub mod entities;
pub mod rules;
pub mod sessions;

pub use self::author::Author;
