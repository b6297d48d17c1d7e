//! Types and rules of logins, without database and HTTP.

pub mod audit;
pub mod client_id;
pub mod icat_session;
pub mod login;
pub mod maintenance;
pub mod origin;
pub mod renewal;
pub mod token_expiry;
