//! Markdown and HTML, rendered without holding up the threads that answer requests.

pub mod escape;
pub mod markdown;
pub mod text_pool;
