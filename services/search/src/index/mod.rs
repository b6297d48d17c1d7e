//! The search engines: one inside the process, on tantivy, and OpenSearch. Both keep the same fields and answer the same plans.

mod embedded;
pub mod error;
mod fields;
mod identity;
pub mod index_view;
pub mod index_writer;
mod location;
mod opensearch;
mod row_order;
pub mod snapshot;

pub use self::identity::{IndexIdentity, find_database};
pub use self::location::IndexLocation;
pub use self::opensearch::{OpenSearchConfig, OpenSearchIndex};
pub use self::row_order::compare_values;
pub use self::snapshot::SharedSnapshot;
