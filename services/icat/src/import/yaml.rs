//! The YAML form: documents of `kind: {key: {attribute: value, relation: key, parts: [{…}]}}`.

use icat_client::schema::{Entity, Member, entities};
use serde_json::{Map, Value};

use super::ImportError;
use super::record::{Record, entity_of};

pub fn parse(text: &str) -> Result<Vec<Record>, ImportError> {
    // The file is the operator's own, so only nesting stays limited.
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_events: usize::MAX,
            max_nodes: usize::MAX,
            max_documents: usize::MAX,
            max_total_scalar_bytes: usize::MAX,
        },
    };
    let documents: Vec<Value> = serde_saphyr::from_multiple_with_options(text, options)
        .map_err(|e| ImportError::Format(format!("this is no YAML: {e}")))?;
    let mut records = Vec::new();
    for document in documents {
        match document {
            Value::Null => {}
            Value::Object(kinds) => chunk(&kinds, &mut records)?,
            _ => return Err(ImportError::Format("a document of the dump is not a mapping of kinds".to_owned())),
        }
    }
    Ok(records)
}

/// Within a document parents come first, whatever the order of the text.
fn chunk(kinds: &Map<String, Value>, records: &mut Vec<Record>) -> Result<(), ImportError> {
    let mut known =
        kinds.iter().map(|(tag, objects)| Ok((entity_of(tag)?, objects))).collect::<Result<Vec<_>, ImportError>>()?;
    let rank = |entity: &'static Entity| entities().iter().position(|e| e.name == entity.name);
    known.sort_by_key(|(entity, _)| rank(entity));
    for (entity, objects) in known {
        let objects = objects
            .as_object()
            .ok_or_else(|| ImportError::Format(format!("the {} of the dump are not a mapping of keys", entity.name)))?;
        for (key, members) in objects {
            records.push(record(entity, key.clone(), members)?);
        }
    }
    Ok(())
}

fn record(entity: &'static Entity, key: String, members: &Value) -> Result<Record, ImportError> {
    let mut record = Record::new(entity, key);
    let members = members
        .as_object()
        .ok_or_else(|| ImportError::Format(format!("{} is not a mapping of attributes", record.label())))?;
    for (name, value) in members {
        match (record.member(name)?, value) {
            (_, Value::Null) => {}
            (Member::Field(field), Value::String(text)) => record.set(field, text)?,
            (Member::Field(field), Value::Bool(_) | Value::Number(_)) => record.set(field, &value.to_string())?,
            (Member::One(one), Value::String(key)) => record.ones.push((one, key.clone())),
            (Member::Many(many), Value::Array(parts)) => {
                for part in parts {
                    record.parts.push((many, self::record(many.target(), String::new(), part)?));
                }
            }
            _ => {
                return Err(ImportError::Format(format!("{}: `{name}` has a value of the wrong kind", record.label())));
            }
        }
    }
    Ok(record)
}
