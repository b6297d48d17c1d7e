//! The engine inside the process, on tantivy.

mod directories;
mod document;
mod identity_file;
mod known_terms;
mod matches;
mod pattern;
mod query;
mod schema;
mod term_counts;
mod top_rows;
mod view;
mod writer;

pub use self::writer::EmbeddedIndex;
