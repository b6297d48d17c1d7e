//! All SQL of logins.

pub mod account_links;
pub mod accounts;
pub mod api_keys;
pub mod audit;
pub mod audit_counts;
pub mod batches;
pub mod logins;
pub mod maintenance;
pub mod provider_logins;
pub mod provider_logouts;
pub mod provider_sessions;
pub mod provider_users;
pub mod refresh_tokens;
pub mod revoked_logins;
pub mod used_tokens;
