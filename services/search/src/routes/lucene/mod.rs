//! The interface of icat.lucene 4.0, as icat.server 6.1 to 7 call it.

pub mod add_now;
pub mod clear;
pub mod commit;
pub mod facet;
pub mod lock;
pub mod modify;
pub mod request;
pub mod search;
pub mod unlock;
pub mod version;
