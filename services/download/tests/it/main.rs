//! Downloads from outside their modules.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

mod error_format;
mod facility;
mod missing_files;
mod openapi;
mod private_files;
mod selections;
mod statements;
mod uploads;
