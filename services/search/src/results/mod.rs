//! What a search answers besides ids: values of the rows and of related rows, and counts.

mod belonging;
pub mod count_field;
pub mod directories;
pub mod facets;
pub mod field_values;
pub mod fields;
pub mod highlights;
pub mod search_order;
