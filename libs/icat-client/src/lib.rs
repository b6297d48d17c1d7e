//! The ICAT schema as data, and a client for ICAT's REST interface.

mod entities;
pub mod schema;
