//! The floor seen from outside: databases of both engines, settings, HTTP.

mod config;
mod database;
mod http;
mod increments;
