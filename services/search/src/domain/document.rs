//! Documents of icat.server, taken apart into rows of the entities that own the values.

use serde_json::{Map, Value};
use thiserror::Error;

use super::entity::{Attribute, EntityKind, ValueKind};
use super::field::{FieldValue, find_field};

/// Bytes of a text that is one term, and of a path; icat.lucene refuses longer ones.
pub const MAX_TERM_BYTES: usize = 32_766;

/// A value of an attribute.
#[derive(Debug, Clone, PartialEq)]
pub enum AttributeValue {
    Text(String),
    Integer(i64),
    Number(f64),
}

/// A row as far as it is known.
#[derive(Debug, Clone, PartialEq)]
pub struct EntityRow {
    pub entity: EntityKind,
    pub id: i64,
    pub attributes: Vec<(&'static str, AttributeValue)>,
    /// Ids of related rows by the names of the relations.
    pub relations: Vec<(&'static str, i64)>,
}

impl EntityRow {
    fn new(entity: EntityKind, id: i64) -> Self {
        Self { entity, id, attributes: Vec::new(), relations: Vec::new() }
    }

    /// The text of an attribute.
    pub fn find_text(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find_map(|(attribute, value)| match value {
            AttributeValue::Text(text) if *attribute == name => Some(text.as_str()),
            _ => None,
        })
    }

    pub fn find_relation(&self, name: &str) -> Option<i64> {
        self.relations.iter().find(|(relation, _)| *relation == name).map(|(_, id)| *id)
    }
}

/// A document as rows: its own, and those of related entities as far as the document shows them.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    pub row: EntityRow,
    pub related: Vec<EntityRow>,
}

/// Why a document cannot be indexed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DocumentError {
    #[error("a document must be an object, but is {0}")]
    NotAnObject(&'static str),
    #[error("the document has no id")]
    NoId,
    #[error("the field {field} must be {expected}, but is {actual}")]
    WrongType { field: String, expected: &'static str, actual: &'static str },
    #[error("the field {0} has more than {MAX_TERM_BYTES} bytes")]
    TooLong(String),
}

/// Takes a document apart. Fields that no entity has are left out, so that newer servers can send more.
pub fn parse_document(entity: EntityKind, document: &Value) -> Result<Document, DocumentError> {
    let fields = document.as_object().ok_or_else(|| DocumentError::NotAnObject(name_type(document)))?;
    let id = read_own_id(entity, fields)?;
    let mut row = EntityRow::new(entity, id);
    // Path of relations and the row at its end; the ids of these rows are read first.
    let mut related: Vec<(Vec<&'static str>, EntityRow)> = Vec::new();
    let mut pending = Vec::new();
    for (name, value) in fields {
        if value.is_null() {
            return Err(wrong_type(name, "a text or a number", value));
        }
        let Some(field) = find_field(entity, name) else { continue };
        match field.value {
            FieldValue::Id => {}
            FieldValue::RelatedId(relation) => {
                let id = read_integer(name, value)?;
                let mut path = field.path.clone();
                let target = field.owner.find_relation(relation).map(|relation| relation.target);
                if path.is_empty() {
                    row.relations.push((relation, id));
                } else {
                    pending.push((path.clone(), Pending::Relation(relation, id)));
                }
                path.push(relation);
                if let Some(target) = target {
                    related.push((path, EntityRow::new(target, id)));
                }
            }
            FieldValue::Attribute(attribute) => {
                let value = read_value(name, attribute, value)?;
                if field.path.is_empty() {
                    row.attributes.push((attribute.name, value));
                } else {
                    pending.push((field.path, Pending::Attribute(attribute.name, value)));
                }
            }
        }
    }
    for (path, value) in pending {
        // A name without the id of its row says nothing.
        let Some((_, row)) = related.iter_mut().find(|(of, _)| *of == path) else { continue };
        match value {
            Pending::Relation(relation, id) => row.relations.push((relation, id)),
            Pending::Attribute(attribute, value) => row.attributes.push((attribute, value)),
        }
    }
    let related = related.into_iter().map(|(_, row)| row).filter(|row| !row.attributes.is_empty()).collect();
    Ok(Document { row, related })
}

enum Pending {
    Relation(&'static str, i64),
    Attribute(&'static str, AttributeValue),
}

/// `id`, or for entities that are only shown by others their id as these show it.
fn read_own_id(entity: EntityKind, fields: &Map<String, Value>) -> Result<i64, DocumentError> {
    let name = format!("{}id", entity.prefix());
    let (name, value) = match fields.get(&name) {
        Some(value) => (name.as_str(), value),
        None => ("id", fields.get("id").ok_or(DocumentError::NoId)?),
    };
    read_integer(name, value)
}

fn read_value(name: &str, attribute: &Attribute, value: &Value) -> Result<AttributeValue, DocumentError> {
    match attribute.kind {
        ValueKind::Text | ValueKind::Term | ValueKind::Path => {
            let text = value.as_str().ok_or_else(|| wrong_type(name, "a text", value))?;
            // Words are terms of their own, and the whole text of a description is not.
            let is_one_term = !matches!(attribute.name, "description" | "summary" | "title");
            if is_one_term && text.len() > MAX_TERM_BYTES {
                return Err(DocumentError::TooLong(name.to_owned()));
            }
            Ok(AttributeValue::Text(text.to_owned()))
        }
        ValueKind::Integer => read_integer(name, value).map(AttributeValue::Integer),
        ValueKind::Number => {
            value.as_f64().map(AttributeValue::Number).ok_or_else(|| wrong_type(name, "a number", value))
        }
    }
}

fn read_integer(name: &str, value: &Value) -> Result<i64, DocumentError> {
    value.as_i64().ok_or_else(|| wrong_type(name, "an integer of 64 bits", value))
}

fn wrong_type(name: &str, expected: &'static str, value: &Value) -> DocumentError {
    DocumentError::WrongType { field: name.escape_debug().to_string(), expected, actual: name_type(value) }
}

pub fn name_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(number) if number.is_f64() => "a number with a fraction",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn text(value: &str) -> AttributeValue {
        AttributeValue::Text(value.to_owned())
    }

    #[test]
    fn each_value_goes_to_the_row_that_owns_it() {
        let document = json!({
            "id": 5, "name": "a.nxs", "fileSize": 7, "dataset.id": 3, "dataset.name": "scan", "investigation.id": 2,
            "visitId": "1-1", "sample.id": 9, "sample.name": "Durol", "sample.type.id": 8, "sample.type.name": "crystal",
            "sample.investigation.id": 2, "colour": "red",
        });
        let parsed = parse_document(EntityKind::Datafile, &document).unwrap();
        assert_eq!(parsed.row.attributes, [("name", text("a.nxs")), ("fileSize", AttributeValue::Integer(7))]);
        assert_eq!(parsed.row.relations, [("dataset", 3), ("investigation", 2), ("sample", 9)]);
        let mut related: Vec<String> = parsed
            .related
            .iter()
            .map(|row| format!("{} {} {:?} {:?}", row.entity, row.id, row.attributes, row.relations))
            .collect();
        related.sort();
        assert_eq!(
            related,
            [
                "Dataset 3 [(\"name\", Text(\"scan\"))] []",
                "Investigation 2 [(\"visitId\", Text(\"1-1\"))] []",
                "Sample 9 [(\"name\", Text(\"Durol\"))] [(\"type\", 8), (\"investigation\", 2)]",
                "SampleType 8 [(\"name\", Text(\"crystal\"))] []",
            ]
        );
    }

    #[test]
    fn a_sample_has_its_id_under_another_name() {
        let document = json!({"sample.name": "Durol", "sample.id": 9, "sample.investigation.id": 2});
        let parsed = parse_document(EntityKind::Sample, &document).unwrap();
        assert_eq!((parsed.row.id, parsed.row.find_relation("investigation")), (9, Some(2)));
        assert_eq!(parsed.row.attributes, [("name", text("Durol"))]);
    }

    #[test]
    fn errors_name_the_field() {
        for (document, expected) in [
            (json!(7), "a document must be an object, but is a number"),
            (json!({"name": "x"}), "the document has no id"),
            (json!({"id": 1, "name": 7}), "the field name must be a text, but is a number"),
            (json!({"id": 1, "date": "x"}), "the field date must be an integer of 64 bits, but is a text"),
            (
                json!({"id": 1, "date": 1.5}),
                "the field date must be an integer of 64 bits, but is a number with a fraction",
            ),
            (json!({"id": 1, "name": null}), "the field name must be a text or a number, but is null"),
            (json!({"id": 1, "name": "x".repeat(MAX_TERM_BYTES + 1)}), "the field name has more than 32766 bytes"),
        ] {
            assert_eq!(parse_document(EntityKind::Datafile, &document).unwrap_err().to_string(), expected);
        }
    }
}
