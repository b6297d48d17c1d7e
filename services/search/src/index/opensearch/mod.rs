//! The engine outside the process: indices of an OpenSearch cluster, version 2.15 or newer.
//!
//! There is one index for each partition, and one of directories. Their names end with the identity of the index; aliases without
//! it always name the current ones. All documents have ids of their own and all writes have versions, so that a write whose answer
//! was lost can be repeated, and one that arrives late changes nothing.

mod bulk;
mod client;
mod cluster;
mod config;
mod directories;
mod document;
mod mapping;
mod names;
mod point_in_time;
mod query;
mod regexp;
mod sort;
mod view;
mod writer;

pub use self::cluster::OpenSearchIndex;
pub use self::config::OpenSearchConfig;
pub use self::writer::OpenSearchWriter;
