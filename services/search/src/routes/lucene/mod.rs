//! The interface of icat.lucene 4.0, as icat.server 6.1 to 7 call it.

pub mod version;
