//! A row as a document of its partition.

use std::collections::BTreeSet;

use tantivy::TantivyDocument;
use tantivy::schema::Field;
use tantivy::tokenizer::{PreTokenizedString, Token};

use super::schema::{PartitionFields, id_field, list_term_kinds, relation_field, term_field, value_field};
use crate::domain::analysis::analyze;
use crate::domain::document::{AttributeValue, EntityRow};
use crate::domain::entity::{Attribute, EntityKind, ValueKind};
use crate::domain::paths::{CanonicalPath, PathRules};
use crate::domain::plan::{LOWERCASED_MARK, TermKind};

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
    for (name, value) in &row.attributes {
        let Some(attribute) = row.entity.find_attribute(name) else { continue };
        match value {
            AttributeValue::Integer(integer) => {
                if let Some(field) = fields.find(&value_field(row.entity, name)) {
                    document.add_i64(field, *integer);
                }
            }
            AttributeValue::Number(number) => {
                if let Some(field) = fields.find(&value_field(row.entity, name)) {
                    document.add_f64(field, *number);
                }
            }
            AttributeValue::Text(text) => add_text(&mut document, fields, row.entity, attribute, text, rules),
        }
    }
    document
}

fn add_text(
    document: &mut TantivyDocument,
    fields: &PartitionFields,
    entity: EntityKind,
    attribute: &Attribute,
    text: &str,
    rules: &PathRules,
) {
    if attribute.kind == ValueKind::Path {
        add_path(document, fields, entity, attribute, text, rules);
        return;
    }
    for kind in list_term_kinds(attribute) {
        let Some(field) = fields.find(&term_field(entity, attribute.name, *kind)) else { continue };
        match kind {
            TermKind::Word => {
                let words = analyze(text).into_iter().map(|token| (token.position, token.text));
                add_positioned_terms(document, field, words);
            }
            _ => document.add_text(field, text),
        }
    }
}

fn add_path(
    document: &mut TantivyDocument,
    fields: &PartitionFields,
    entity: EntityKind,
    attribute: &Attribute,
    text: &str,
    rules: &PathRules,
) {
    // An empty path, and one that is longer than any real one, is not found by its parts.
    let Ok(path) = rules.canonicalize(text) else { return };
    for kind in list_term_kinds(attribute) {
        let Some(field) = fields.find(&term_field(entity, attribute.name, *kind)) else { continue };
        let mut add = |term: &str| document.add_text(field, term);
        match kind {
            TermKind::Directory => path.directories_lower().for_each(add),
            TermKind::Parent => path.directories_lower().next_back().into_iter().for_each(add),
            TermKind::FullPath => add(path.text_lower()),
            TermKind::FileName => add(path.file_name_lower()),
            TermKind::CaseSensitivePath => list_cased_terms(&path).iter().for_each(|term| add(term)),
            TermKind::Extension => path.extensions().for_each(add),
            TermKind::Trigram => path.trigrams().collect::<BTreeSet<_>>().into_iter().for_each(add),
            TermKind::NamePart => path.file_name_lower().split('.').filter(|part| !part.is_empty()).for_each(add),
            TermKind::Component => {
                let components = (0..).zip(path.components().map(str::to_owned));
                add_positioned_terms(document, field, components);
            }
            TermKind::Word | TermKind::Whole => {}
        }
    }
}

/// The directories of a path and the path itself, as far as they have upper-case letters.
fn list_cased_terms(path: &CanonicalPath) -> Vec<String> {
    let cased = path.directories().chain([path.text()]);
    let lower = path.directories_lower().chain([path.text_lower()]);
    cased
        .zip(lower)
        .filter(|(cased, lower)| cased != lower)
        .flat_map(|(cased, lower)| [cased.to_owned(), format!("{LOWERCASED_MARK}{lower}")])
        .collect()
}

fn add_positioned_terms(document: &mut TantivyDocument, field: Field, terms: impl Iterator<Item = (u32, String)>) {
    let tokens: Vec<Token> = terms
        .map(|(position, text)| Token {
            offset_from: 0,
            offset_to: 0,
            position: position as usize,
            text,
            position_length: 1,
        })
        .collect();
    if !tokens.is_empty() {
        document.add_pre_tokenized_text(field, PreTokenizedString { text: String::new(), tokens });
    }
}
