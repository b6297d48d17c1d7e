//! What is indexed and what may be asked, independent of an engine and of HTTP.

pub mod deadline;
pub mod document;
pub mod entity;
pub mod field;
pub mod plan;
pub mod row_json;
