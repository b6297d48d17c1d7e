//! All SQL of the logbook.

pub mod attachments;
pub mod banners;
pub mod blobs;
pub mod entries;
pub mod entry_lists;
pub mod filter_conditions;
pub mod keys;
pub mod logbooks;
pub mod preferences;
pub mod search;
mod search_readable;
pub mod tags;

/// Every constant statement, for the test that prepares them on each engine.
pub fn list_statements() -> Vec<&'static str> {
    [
        &attachments::ALL[..],
        &banners::ALL,
        &logbooks::ALL,
        &blobs::ALL,
        &entries::ALL,
        &entry_lists::ALL,
        &keys::ALL,
        &preferences::ALL,
        &search::ALL,
        &tags::ALL,
    ]
    .concat()
}
