//! `/logbook/{credential}/export`: a logbook as a file, an address for each format.

pub mod csv;
pub mod eln;
pub mod json_lines;
pub mod pdf;
pub mod text;
