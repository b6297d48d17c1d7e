//! What is indexed and what may be asked, independent of an engine and of HTTP.

/// Texts as terms, and synonyms.
pub mod analysis;
pub mod change_request;
pub mod days;
pub mod deadline;
pub mod document;
pub mod entity;
mod entity_definitions;
pub mod field;
/// Paths of datafiles and patterns of paths.
pub mod paths;
pub mod plan;
/// The query syntax of icat.lucene as a syntax tree.
pub mod query_syntax;
pub mod row_json;
/// Units of parameters.
pub mod units;
