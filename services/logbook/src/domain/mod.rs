//! The rules of logbooks, without a request or a database.

pub mod binding;
pub mod book;
pub mod chain;
pub mod content;
pub mod dates;
mod depth;
pub mod entry_body;
pub mod event;
pub mod filter;
pub mod html_tokens;
pub mod ids;
pub mod names;
pub mod plain_text;
pub mod seal;
