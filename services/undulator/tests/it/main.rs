//! The suite from outside: the same flow through four arrangements of processes, and what a crash leaves of it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

mod administration;
mod api_keys;
mod arrangements;
mod crash;
mod credentials;
mod find;
mod flow;
mod login;
mod logins_of_auth;
mod processes;
mod rights;
mod search_facility;
mod search_index;
mod setup;
mod traces;
mod wrong_directory;
