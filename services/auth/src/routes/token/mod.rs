//! `/auth/v1/token`: access tokens. Whoever has one proves who they are for ten minutes, without showing the ICAT
//! session behind it.

pub mod create;
mod credentials;
pub mod end;

pub use self::credentials::Credentials;
