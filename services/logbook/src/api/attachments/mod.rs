//! Files: attachments, and the way to the viewer of HDF5 files.

pub mod download_file;
pub mod open_datafile;
pub mod upload_file;
