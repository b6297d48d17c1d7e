//! Callers in all their places, tokens and their keys, caches and their ends: against an ICAT and an auth that the tests
//! steer.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod callers;
mod fake;
mod keys;
mod reader;
mod required_levels;
mod revoked_logins;
mod scopes;
mod stored_api_keys;
mod tokens;
mod visible;
