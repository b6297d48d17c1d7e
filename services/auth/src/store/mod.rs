//! All SQL of logins.

pub mod accounts;
pub mod token_sessions;
