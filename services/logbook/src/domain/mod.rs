//! The rules of logbooks, without a request or a database.

pub mod dates;
pub mod entry;
pub mod entry_content;
pub mod entry_html;
pub mod entry_kind;
pub mod entry_request;
pub mod filter;
pub mod html_depth;
pub mod html_tokens;
pub mod ids;
pub mod invalid;
pub mod list_parameters;
pub mod logbook;
pub mod logbook_set;
pub mod plain_text;
pub mod rendered_entry;
pub mod values;
pub mod visit;
