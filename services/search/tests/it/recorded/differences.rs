//! Where the answers differ from the recorded ones, and why.

use serde_json::{Value, json};

/// Rows where icat.lucene answered an error or nothing.
pub struct FoundInstead {
    pub exchange: u32,
    pub recorded_status: u16,
    pub rows: Rows,
    pub reason: &'static str,
}

pub enum Rows {
    Ids(&'static [i64]),
    /// All datasets whose type has this name.
    DatasetsOfType(&'static str),
}

pub const FOUND_INSTEAD: [FoundInstead; 3] = [
    FoundInstead {
        exchange: 78,
        recorded_status: 500,
        rows: Rows::Ids(&[350, 355]),
        reason: "icat.server sends the bounds of a numeric parameter as texts, at which icat.lucene fails",
    },
    FoundInstead {
        exchange: 85,
        recorded_status: 500,
        rows: Rows::Ids(&[312, 333, 371]),
        reason: "icat.lucene cannot sort by startDate",
    },
    FoundInstead {
        exchange: 91,
        recorded_status: 200,
        rows: Rows::DatasetsOfType("raw"),
        reason: "icat.lucene finds nothing by a filter whose field has no entity before it",
    },
];

/// Rows that icat.lucene finds, and why they are not found.
pub const NOT_FOUND: [(u32, &[i64], &str); 1] =
    [(98, &[371], "a word that analysis splits, such as 10100601-ST, is a phrase, and not an OR of its parts")];

/// Samples of the investigations, in the answers to "Sample sample.name" and the like. icat.lucene shows none, because the
/// documents that icat.server sends for samples have no `investigation.id`, only `sample.investigation.id`.
pub fn samples_of_investigation(id: i64) -> Value {
    match id {
        312 => json!([{"sample.id": 324, "sample.name": "Durol SC", "type.name": "Durol SC"}]),
        333 => json!([{"sample.id": 348, "sample.name": "NiMnGa 991027", "type.name": "NiMnGa"}]),
        371 => json!([{"sample.id": 385, "sample.name": "Nickel(II) oxide SC", "type.name": "Nickel(II) oxide SC"}]),
        _ => json!([]),
    }
}

/// Pages by relevance go on after the score of the last row. Scores are not those of icat.lucene, so the recorded one is replaced
/// by that of the same row in our answer before.
pub const NEXT_PAGE_BY_RELEVANCE: u32 = 87;

/// What cannot be compared, because the end of the answer is not in the recording.
pub const NOT_COMPARED: [(u32, &str); 6] = [
    (83, "rows 45 to 1000 and search_after"),
    (84, "rows 48 to 1000 and search_after"),
    (86, "rows 45 to 1000 and search_after"),
    (87, "rows 45 to 1000 and search_after"),
    (92, "rows after the 45th"),
    (93, "rows after the 45th"),
];
