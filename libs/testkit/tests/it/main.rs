//! The worked example from outside: who may make things, whether its document says what it
//! answers, and what it does not take for a setting.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

mod callers;
mod openapi;
mod settings;
