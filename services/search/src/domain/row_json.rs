//! Rows as the index stores them: a JSON object of attributes and ids of related rows, named as in the documents of the entity.

use serde_json::{Map, Value};

use super::document::{AttributeValue, EntityRow};
use super::entity::EntityKind;
use super::field::{FieldValue, find_field};

impl EntityRow {
    pub fn to_json(&self) -> Value {
        let mut object = Map::new();
        for (name, value) in &self.attributes {
            object.insert((*name).to_owned(), value.to_json());
        }
        for (relation, id) in &self.relations {
            object.insert(format!("{relation}.id"), (*id).into());
        }
        Value::Object(object)
    }

    /// `None` if it is not what [`Self::to_json`] writes.
    pub fn from_json(entity: EntityKind, id: i64, json: &Value) -> Option<Self> {
        let mut row = Self { entity, id, attributes: Vec::new(), relations: Vec::new() };
        for (name, value) in json.as_object()? {
            let field = find_field(entity, name)?;
            match field.value {
                FieldValue::Attribute(attribute) => {
                    row.attributes.push((attribute.name, AttributeValue::from_json(value)?));
                }
                FieldValue::RelatedId(relation) => row.relations.push((relation, value.as_i64()?)),
                FieldValue::Id => return None,
            }
        }
        Some(row)
    }
}

impl AttributeValue {
    pub fn to_json(&self) -> Value {
        match self {
            Self::Text(text) => text.as_str().into(),
            Self::Integer(integer) => (*integer).into(),
            Self::Number(number) => (*number).into(),
        }
    }

    fn from_json(value: &Value) -> Option<Self> {
        match value {
            Value::String(text) => Some(Self::Text(text.clone())),
            Value::Number(number) => number.as_i64().map(Self::Integer).or_else(|| number.as_f64().map(Self::Number)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::document::parse_document;
    use super::*;

    #[test]
    fn a_row_is_read_as_it_was_stored() {
        let documents = [
            (EntityKind::Datafile, json!({"id": 5, "name": "a", "fileSize": 7, "dataset.id": 3})),
            (EntityKind::Sample, json!({"sample.id": 5, "sample.name": "a", "sample.type.id": 7})),
            (EntityKind::DatasetParameter, json!({"id": 5, "numericValue": 4.0, "dataset.id": 3, "type.id": 1})),
        ];
        for (entity, document) in documents {
            let row = parse_document(entity, &document).unwrap().row;
            let text = row.to_json().to_string();
            assert_eq!(
                EntityRow::from_json(entity, row.id, &serde_json::from_str(&text).unwrap()),
                Some(row),
                "{text}"
            );
        }
    }
}
