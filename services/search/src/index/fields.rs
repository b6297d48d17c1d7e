//! The fields of a row and the terms in them, the same for all engines.

use std::borrow::Cow;

use crate::domain::analysis::analyze;
use crate::domain::document::{AttributeValue, EntityRow};
use crate::domain::entity::{Attribute, EntityKind, ValueKind};
use crate::domain::paths::{CanonicalPath, PathRules};
use crate::domain::plan::{LOWERCASED_MARK, TermKind};

pub fn id_field(entity: EntityKind) -> String {
    format!("{entity}.id")
}

pub fn relation_field(entity: EntityKind, relation: &str) -> String {
    format!("{entity}.{relation}.id")
}

/// The field of numbers.
pub fn value_field(entity: EntityKind, attribute: &str) -> String {
    format!("{entity}.{attribute}")
}

pub fn term_field(entity: EntityKind, attribute: &str, kind: TermKind) -> String {
    let kind = match kind {
        TermKind::Word => "word",
        TermKind::Whole => "whole",
        TermKind::Directory => "directory",
        TermKind::Parent => "parent",
        TermKind::FullPath => "path",
        TermKind::CaseSensitivePath => "case-sensitive-path",
        TermKind::Component => "component",
        TermKind::Extension => "extension",
        TermKind::Trigram => "trigram",
        TermKind::NamePart => "name-part",
    };
    format!("{entity}.{attribute}.{kind}")
}

/// Terms of an attribute that are indexed.
pub fn list_term_kinds(attribute: &Attribute) -> &'static [TermKind] {
    match attribute.kind {
        // Nobody asks for a whole description.
        ValueKind::Text if matches!(attribute.name, "description" | "summary" | "title") => &[TermKind::Word],
        ValueKind::Text => &[TermKind::Word, TermKind::Whole],
        ValueKind::Term => &[TermKind::Whole],
        ValueKind::Path => &[
            TermKind::Directory,
            TermKind::Parent,
            TermKind::FullPath,
            TermKind::CaseSensitivePath,
            TermKind::Component,
            TermKind::Extension,
            TermKind::Trigram,
            TermKind::NamePart,
        ],
        ValueKind::Integer | ValueKind::Number => &[],
    }
}

/// Whether the terms of a field have positions.
pub fn has_positions(kind: TermKind) -> bool {
    matches!(kind, TermKind::Word | TermKind::Component | TermKind::Trigram)
}

/// One value of a field.
#[derive(Debug, Clone, PartialEq)]
pub enum FieldTerms<'v> {
    Integer(i64),
    Number(f64),
    Term(Cow<'v, str>),
    /// Terms with their positions, in their order.
    Positioned(Vec<(u32, String)>),
}

/// Gives each value of the attributes of a row to `add`. A path has several terms of most kinds.
pub fn for_each_value(row: &EntityRow, rules: &PathRules, add: &mut dyn FnMut(String, FieldTerms<'_>)) {
    for (name, value) in &row.attributes {
        let Some(attribute) = row.entity.find_attribute(name) else { continue };
        match value {
            AttributeValue::Integer(integer) => add(value_field(row.entity, name), FieldTerms::Integer(*integer)),
            AttributeValue::Number(number) => add(value_field(row.entity, name), FieldTerms::Number(*number)),
            AttributeValue::Text(text) if attribute.kind == ValueKind::Path => {
                add_path_terms(row.entity, attribute, text, rules, add);
            }
            AttributeValue::Text(text) => add_text_terms(row.entity, attribute, text, add),
        }
    }
}

fn add_text_terms(entity: EntityKind, attribute: &Attribute, text: &str, add: &mut dyn FnMut(String, FieldTerms<'_>)) {
    for kind in list_term_kinds(attribute) {
        let field = term_field(entity, attribute.name, *kind);
        match kind {
            TermKind::Word => {
                let words = analyze(text).into_iter().map(|token| (token.position, token.text)).collect();
                add(field, FieldTerms::Positioned(words));
            }
            _ => add(field, FieldTerms::Term(text.into())),
        }
    }
}

fn add_path_terms(
    entity: EntityKind,
    attribute: &Attribute,
    text: &str,
    rules: &PathRules,
    add: &mut dyn FnMut(String, FieldTerms<'_>),
) {
    // An empty path, and one that is longer than any real one, is not found by its parts.
    let Ok(path) = rules.canonicalize(text) else { return };
    for kind in list_term_kinds(attribute) {
        let field = term_field(entity, attribute.name, *kind);
        let mut add_term = |term: &str| add(field.clone(), FieldTerms::Term(term.into()));
        match kind {
            TermKind::Directory => path.root().into_iter().chain(path.directories_lower()).for_each(add_term),
            TermKind::Parent => path.directories_lower().next_back().or(path.root()).into_iter().for_each(add_term),
            TermKind::FullPath => add_term(path.text_lower()),
            TermKind::CaseSensitivePath => list_cased_terms(&path).iter().for_each(|term| add_term(term)),
            TermKind::Extension => path.extensions().for_each(add_term),
            TermKind::Trigram => add(field, FieldTerms::Positioned(path.list_name_trigrams())),
            TermKind::NamePart => {
                path.file_name_lower().split('.').filter(|part| !part.is_empty()).for_each(add_term);
            }
            TermKind::Component => {
                let components = (0..).zip(path.components().map(str::to_owned)).collect();
                add(field, FieldTerms::Positioned(components));
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
