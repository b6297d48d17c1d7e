//! Changes of the catalogue on their way into the index.
//!
//! A change that was acknowledged is in the database. The worker applies changes to the index in their order, commits the index
//! and only then deletes them from the database. Applying a change again has no effect, so nothing is lost or doubled wherever
//! the process ends.

mod batch_changes;
mod index_ownership;
mod index_worker;
mod metrics;
mod queue;
mod scans;

pub use self::index_ownership::IndexOwnership;
pub use self::index_worker::{IndexSettings, IndexWorker};
pub use self::metrics::ChangeMetrics;
pub use self::queue::ChangeQueue;
pub use self::scans::ScannedPage;
