//! The rules of logbooks, without a request or a database.

pub mod binding;
pub mod book;
pub mod chain;
pub mod content;
pub mod dates;
pub mod event;
pub mod filter;
pub mod ids;
pub mod seal;
