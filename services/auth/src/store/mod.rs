//! All SQL of logins.

pub mod accounts;
