//! Interfaces of systems that this service replaces.

pub mod scigateway;
