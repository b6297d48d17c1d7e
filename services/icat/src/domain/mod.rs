//! Pure code: how ICAT writes values.

pub mod granted;
pub mod values;
