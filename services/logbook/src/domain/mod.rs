//! The rules of logbooks, without a request or a database.

pub mod chain;
pub mod dates;
pub mod entry_content;
pub mod entry_html;
pub mod filter;
pub mod html_depth;
pub mod html_tokens;
pub mod ids;
pub mod logbook;
pub mod names;
pub mod plain_text;
pub mod rendered_entry;
pub mod visit;
