//! All SQL of the search.

pub mod change_batches;
pub mod entity_locks;
pub mod rejected_documents;
