//! All SQL of the search.

pub mod catalogue_scans;
pub mod change_batches;
pub mod changed_rows;
pub mod entity_generations;
pub mod entity_locks;
pub mod held_batches;
pub mod index_identity;
pub mod rejected_documents;

/// Every constant statement, for the test that prepares them on each engine.
pub fn list_statements() -> Vec<&'static str> {
    [
        catalogue_scans::ALL.as_slice(),
        change_batches::ALL.as_slice(),
        changed_rows::ALL.as_slice(),
        entity_generations::ALL.as_slice(),
        entity_locks::ALL.as_slice(),
        held_batches::ALL.as_slice(),
        index_identity::ALL.as_slice(),
        rejected_documents::ALL.as_slice(),
    ]
    .concat()
}
