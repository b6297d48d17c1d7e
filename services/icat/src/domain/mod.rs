//! Pure code: how ICAT writes values.

pub mod values;
