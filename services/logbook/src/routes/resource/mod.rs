//! Files: attachments, and the way to the viewer of HDF5 files.

pub mod datafile;
pub mod download;
pub mod upload;
