//! Logins seen from outside: the plugins' wire format, accounts on each engine, and ICAT+'s sessions over a catalogue.

mod icat;
mod plugins;
mod sessions;
