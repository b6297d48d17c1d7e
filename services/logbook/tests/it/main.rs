//! The logbook by itself; what needs a catalogue is tested with the whole program.

mod openapi;
mod statements;
