//! The ICAT schema as data, a client for ICAT's REST interface, the error format of services that have a part of it, and the
//! changes of the catalogue as events.

pub mod catalogue_changes;
pub mod client;
mod entities;
pub mod schema;
mod server_errors;
mod stored_kinds;

pub use self::catalogue_changes::CatalogueChanges;
pub use self::client::{IcatClient, IcatCode, IcatError, Query, QueryError, Select, SessionInfo, WriteError};
pub use self::server_errors::ICAT_ERRORS;
pub use self::stored_kinds::StoredKinds;
