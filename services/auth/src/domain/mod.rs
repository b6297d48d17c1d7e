//! Types of sessions without database and HTTP.

pub mod icat_session;
