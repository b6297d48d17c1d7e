//! Logins seen from outside: the plugins' wire format, accounts on each engine, ICAT+'s sessions over a catalogue, and
//! access tokens with their keys.

mod catalogue;
mod client;
mod icat;
mod keys;
mod openapi;
mod plugins;
mod secrets;
mod sessions;
mod statements;
mod tokens;
mod verification;
