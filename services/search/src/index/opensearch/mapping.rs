//! Settings and fields of the indices.

use serde_json::{Map, Value, json};

use super::document::{GAP, SOURCE, TERM_SEPARATOR};
use super::names::{IndexKind, compared_path_field, high_bits_field, low_bits_field, rename_field};
use crate::domain::entity::{Attribute, EntityKind, Partition, ValueKind};
use crate::domain::plan::TermKind;
use crate::index::fields::{has_positions, id_field, list_term_kinds, relation_field, term_field, value_field};

/// Raised whenever the fields change, so that an older index is not read. The new one is empty and must be populated.
pub const INDEX_VERSION: u32 = 4;
/// How long versions of deleted documents are remembered: a write that arrives later than that is not known to be late.
const DELETED_VERSIONS_KEPT: &str = "10m";
/// Longest regular expression of a path.
const MAX_REGEXP_LENGTH: usize = 32_768;
/// The longest term of Lucene in bytes.
const MAX_TERM_LENGTH: usize = 32_766;

/// The index template of a kind of index.
pub fn build_template(kind: IndexKind, pattern: &str, shards: u32, replicas: u32) -> Value {
    json!({
        "index_patterns": [pattern],
        "priority": 100,
        "_meta": {"description": "made by undulator-search; overridden by templates with a higher priority"},
        "template": {
            "settings": {
                "number_of_shards": shards,
                "number_of_replicas": replicas,
                "refresh_interval": "-1",
                "gc_deletes": DELETED_VERSIONS_KEPT,
                "max_regex_length": MAX_REGEXP_LENGTH,
                "analysis": {
                    "tokenizer": {"terms": {
                        "type": "char_group", "tokenize_on_chars": [TERM_SEPARATOR.to_string()],
                        "max_token_length": MAX_TERM_LENGTH,
                    }},
                    "filter": {"gaps": {"type": "stop", "stopwords": [GAP]}},
                    "analyzer": {"terms": {"type": "custom", "tokenizer": "terms", "filter": ["gaps"]}},
                },
            },
            "mappings": build_mappings(kind),
        },
    })
}

fn build_mappings(kind: IndexKind) -> Value {
    match kind {
        IndexKind::Rows(partition) => json!({
            "dynamic": "strict", "_source": {"includes": [SOURCE]}, "properties": build_properties(partition),
        }),
        IndexKind::Directories => json!({
            "dynamic": "strict",
            "properties": {"path": {"type": "keyword"}, "parent": {"type": "keyword", "doc_values": false}},
        }),
    }
}

fn build_properties(partition: Partition) -> Value {
    let mut properties = Map::new();
    properties.insert(SOURCE.to_owned(), json!({"type": "object", "enabled": false}));
    for name in ["generation", "version"] {
        properties.insert(name.to_owned(), json!({"type": "long"}));
    }
    for name in ["entity", "stub"] {
        properties.insert(name.to_owned(), json!({"type": "keyword", "doc_values": false}));
    }
    for entity in EntityKind::list_all().filter(|entity| entity.partition() == partition) {
        add_id(&mut properties, &id_field(entity));
        for relation in entity.relations() {
            add_id(&mut properties, &relation_field(entity, relation.name));
        }
        for attribute in entity.attributes() {
            add_attribute(&mut properties, entity, attribute);
        }
    }
    Value::Object(properties)
}

/// Conditions with many ids are bitmaps, which only fields of 32 bits accept.
fn add_id(properties: &mut Map<String, Value>, field: &str) {
    properties.insert(rename_field(field), json!({"type": "long"}));
    properties.insert(low_bits_field(field), json!({"type": "integer"}));
    properties.insert(high_bits_field(field), json!({"type": "long"}));
}

fn add_attribute(properties: &mut Map<String, Value>, entity: EntityKind, attribute: &Attribute) {
    let mut add = |field: &str, mapping: Value| drop(properties.insert(rename_field(field), mapping));
    match attribute.kind {
        ValueKind::Integer => add(&value_field(entity, attribute.name), json!({"type": "long"})),
        ValueKind::Number => add(&value_field(entity, attribute.name), json!({"type": "double"})),
        ValueKind::Text | ValueKind::Term | ValueKind::Path => {
            for kind in list_term_kinds(attribute) {
                add(&term_field(entity, attribute.name, *kind), build_term_mapping(*kind));
            }
        }
    }
    if attribute.kind == ValueKind::Path {
        // Without values for each document, patterns are compared with the stored document, which does not have these fields.
        for is_lower_case in [true, false] {
            add(
                &compared_path_field(entity, attribute.name, is_lower_case),
                json!({"type": "wildcard", "doc_values": true}),
            );
        }
    }
}

fn build_term_mapping(kind: TermKind) -> Value {
    if has_positions(kind) {
        json!({"type": "text", "analyzer": "terms", "norms": kind == TermKind::Word})
    } else {
        // Whole texts are sorted by and counted.
        json!({"type": "keyword", "doc_values": kind == TermKind::Whole})
    }
}
