//! All SQL of logins.

pub mod accounts;
pub mod audit;
pub mod audit_counts;
pub mod batches;
pub mod logins;
pub mod maintenance;
pub mod refresh_tokens;
pub mod revoked_logins;
