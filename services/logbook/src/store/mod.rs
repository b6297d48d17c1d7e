//! All SQL of the logbook.

pub mod attachments;
pub mod banners;
pub mod blobs;
pub mod entity_tag;
pub mod entries;
pub mod keys;
pub mod logbooks;
pub mod preferences;
pub mod query;
pub mod search;
pub mod tags;

/// Every constant statement, for the test that prepares them on each engine.
pub fn all() -> Vec<&'static str> {
    [
        &attachments::ALL[..],
        &banners::ALL,
        &logbooks::ALL,
        &blobs::ALL,
        &entries::ALL,
        &keys::ALL,
        &preferences::ALL,
        &search::ALL,
        &tags::ALL,
    ]
    .concat()
}
