//! The rules of downloads: types and pure functions.

pub mod archive;
pub mod archive_format;
pub mod checksums;
pub mod chunk_size;
pub mod file_errors;
pub mod file_identity;
pub mod file_names;
pub mod id_parameters;
pub mod invalid_parameter;
pub mod manifest_entry;
pub mod new_datafile;
