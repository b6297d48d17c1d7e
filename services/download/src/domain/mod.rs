//! The rules of downloads as pure functions.

pub mod archive;
pub mod checksums;
pub mod format;
pub mod id_parameters;
pub mod file_identity;
pub mod file_names;
pub mod chunk_size;
