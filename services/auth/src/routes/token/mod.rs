//! `/auth/v1/token`: access tokens. A token proves the identity of its owner for ten minutes without revealing the ICAT
//! session behind it.

pub mod create;
pub mod create_from_provider;
mod credentials;
pub mod end;
pub mod refresh;
mod response;

pub use self::credentials::Credentials;
