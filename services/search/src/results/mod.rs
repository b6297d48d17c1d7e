//! What a search answers besides ids: values of the rows and of related rows, and counts.

pub mod facets;
pub mod fields;
