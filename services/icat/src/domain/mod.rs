//! Rules without a database: how ICAT writes values.

pub mod values;
