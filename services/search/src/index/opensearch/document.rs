//! A row as a document.

use serde_json::{Map, Value, json};

use super::names::{compared_path_field, high_bits_field, low_bits_field, rename_field};
use crate::domain::document::EntityRow;
use crate::domain::entity::ValueKind;
use crate::domain::paths::PathRules;
use crate::index::fields::{FieldTerms, for_each_value, id_field, relation_field};

/// Separates the terms of a field with positions.
pub const TERM_SEPARATOR: char = '\u{1f}';
/// Stands for a word that is not indexed, so that the words after it keep their positions.
pub const GAP: &str = "\u{1e}";
/// The stored row.
pub const SOURCE: &str = "row";

/// Builds the document of a row. A `stub` is only known from the documents of others, and is no result of a search.
pub fn build_document(row: &EntityRow, is_stub: bool, generation: i64, rules: &PathRules) -> Value {
    let mut document = Map::new();
    document.insert(SOURCE.to_owned(), row.to_json());
    document.insert("generation".to_owned(), generation.into());
    document.insert("entity".to_owned(), row.entity.to_string().into());
    if is_stub {
        document.insert("stub".to_owned(), row.entity.to_string().into());
    }
    add_id(&mut document, &id_field(row.entity), row.id);
    for (relation, id) in &row.relations {
        add_id(&mut document, &relation_field(row.entity, relation), *id);
    }
    for_each_value(row, rules, &mut |field, value| {
        let field = rename_field(&field);
        match value {
            FieldTerms::Integer(integer) => drop(document.insert(field, integer.into())),
            FieldTerms::Number(number) => drop(document.insert(field, json!(number))),
            FieldTerms::Positioned(terms) => drop(document.insert(field, join_terms(&terms).into())),
            FieldTerms::Term(term) => match document.get_mut(&field) {
                Some(Value::Array(terms)) => terms.push(term.into()),
                _ => drop(document.insert(field, json!([term]))),
            },
        }
    });
    add_compared_paths(&mut document, row, rules);
    Value::Object(document)
}

fn add_id(document: &mut Map<String, Value>, field: &str, id: i64) {
    let (high, low) = split_id(id.cast_unsigned());
    document.insert(rename_field(field), id.into());
    document.insert(low_bits_field(field), low.cast_signed().into());
    if high != 0 {
        document.insert(high_bits_field(field), high.into());
    }
}

/// The upper and the lower 32 bits.
#[expect(clippy::cast_possible_truncation, reason = "each is a half")]
pub fn split_id(id: u64) -> (u32, u32) {
    ((id >> 32) as u32, id as u32)
}

fn add_compared_paths(document: &mut Map<String, Value>, row: &EntityRow, rules: &PathRules) {
    let paths = row.entity.attributes().iter().filter(|attribute| attribute.kind == ValueKind::Path);
    for attribute in paths {
        let Some(path) = row.find_text(attribute.name).and_then(|text| rules.canonicalize(text).ok()) else { continue };
        document.insert(compared_path_field(row.entity, attribute.name, true), path.text_lower().into());
        document.insert(compared_path_field(row.entity, attribute.name, false), path.text().into());
    }
}

/// Terms with positions as the text that the analyser of the index takes apart again.
pub fn join_terms(terms: &[(u32, String)]) -> String {
    let mut text = String::new();
    let mut next = 0;
    for (position, term) in terms {
        while next < *position {
            text.push_str(GAP);
            text.push(TERM_SEPARATOR);
            next += 1;
        }
        text.push_str(term);
        text.push(TERM_SEPARATOR);
        next = position + 1;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_are_left_out_leave_gaps() {
        let terms = [(0, "dark".to_owned()), (2, "field".to_owned())];
        assert_eq!(join_terms(&terms), "dark\u{1f}\u{1e}\u{1f}field\u{1f}");
    }

    #[test]
    fn ids_are_split_into_halves() {
        assert_eq!(split_id(7), (0, 7));
        assert_eq!(split_id((3 << 32) | 0x8000_0001), (3, 0x8000_0001));
    }
}
