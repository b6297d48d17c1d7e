//! The logbook by itself; what needs a catalogue is tested with the whole program.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

mod openapi;
mod statements;
