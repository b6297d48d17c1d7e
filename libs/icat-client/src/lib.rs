//! The ICAT schema as data, and a client for ICAT's REST interface.

pub mod client;
mod entities;
pub mod schema;
mod stored_kinds;

pub use self::client::{IcatClient, IcatCode, IcatError, Query, QueryError, Select, SessionInfo, WriteError};
pub use self::stored_kinds::StoredKinds;
