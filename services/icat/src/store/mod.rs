//! All SQL of the catalogue but what queries compile to.

pub mod entities;
pub mod rules;
pub mod sessions;
