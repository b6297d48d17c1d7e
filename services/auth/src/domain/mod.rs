//! Types and rules of logins, without database and HTTP.

pub mod api_key;
pub mod attempt_limit;
pub mod audit;
pub mod client_id;
pub mod group_claim;
pub mod icat_session;
pub mod id_token;
pub mod issuer_token;
pub mod issuer_user;
pub mod login;
pub mod login_level;
pub mod logout_token;
pub mod maintenance;
pub mod origin;
pub mod provider_claims;
pub mod provider_login;
pub mod provider_session;
pub mod provider_user;
pub mod renewal;
pub mod return_address;
pub mod token_expiry;
pub mod token_times;
