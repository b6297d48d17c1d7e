//! A row as a document of its partition.

use tantivy::TantivyDocument;
use tantivy::tokenizer::{PreTokenizedString, Token};

use super::schema::PartitionFields;
use crate::domain::document::EntityRow;
use crate::domain::paths::PathRules;
use crate::index::fields::{FieldTerms, for_each_value, id_field, relation_field};

/// Builds the document of a row. A `stub` is only known from the documents of others, and is no result of a search.
pub fn build_document(
    fields: &PartitionFields,
    row: &EntityRow,
    is_stub: bool,
    generation: i64,
    rules: &PathRules,
) -> TantivyDocument {
    let mut document = TantivyDocument::new();
    document.add_bytes(fields.source, row.to_json().to_string().as_bytes());
    document.add_i64(fields.generation, generation);
    document.add_text(fields.entity, row.entity.to_string());
    if is_stub {
        document.add_text(fields.stub, row.entity.to_string());
    }
    if let Some(field) = fields.find(&id_field(row.entity)) {
        document.add_i64(field, row.id);
    }
    for (relation, id) in &row.relations {
        if let Some(field) = fields.find(&relation_field(row.entity, relation)) {
            document.add_i64(field, *id);
        }
    }
    for_each_value(row, rules, &mut |name, value| {
        let Some(field) = fields.find(&name) else { return };
        match value {
            FieldTerms::Integer(integer) => document.add_i64(field, integer),
            FieldTerms::Number(number) => document.add_f64(field, number),
            FieldTerms::Term(term) => document.add_text(field, term),
            FieldTerms::Positioned(terms) if terms.is_empty() => {}
            FieldTerms::Positioned(terms) => document.add_pre_tokenized_text(field, build_tokens(terms)),
        }
    });
    document
}

fn build_tokens(terms: Vec<(u32, String)>) -> PreTokenizedString {
    let tokens = terms.into_iter().map(|(position, text)| Token {
        offset_from: 0,
        offset_to: 0,
        position: position as usize,
        text,
        position_length: 1,
    });
    PreTokenizedString { text: String::new(), tokens: tokens.collect() }
}
