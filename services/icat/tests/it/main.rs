//! The catalogue from outside its modules, on every engine at hand.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]
#![expect(clippy::format_push_string, reason = "texts of a few words")]

mod answers;
mod client;
mod copies;
mod doctor;
mod dumps;
mod error_format;
mod evaluator;
mod examples;
mod explain;
mod gone;
mod logins;
mod mutations;
mod openapi;
mod property;
mod rest;
mod rights;
mod statements;
mod watch;
mod wire;
