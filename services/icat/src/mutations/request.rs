//! Parses the JSON of write requests, before any access to the database. The error texts are icat.server's.

use icat_client::schema::{self, Entity, Field, Member, ToMany, ToOne};
use serde_json::{Map, Value};
use service_kit::Val;

use crate::domain::values::{ValueMismatch, parse_json_value};
use crate::error::Error;

/// How deep to-many objects may nest; no sensible request needs more.
const MAX_DEPTH: usize = 16;

/// An entity to create or update, with children to create.
#[derive(Debug)]
pub struct EntityWrite {
    pub entity: &'static Entity,
    /// `None`: create.
    pub id: Option<i64>,
    pub fields: Vec<(&'static Field, Val)>,
    pub to_one: Vec<(&'static ToOne, RelationTarget)>,
    pub children: ChildWrites,
}

impl EntityWrite {
    /// The attributes and to-one relations that are to be set.
    pub fn list_named_members(&self) -> Vec<&'static str> {
        let fields = self.fields.iter().map(|(field, _)| field.name);
        fields.chain(self.to_one.iter().map(|(one, _)| one.name)).collect()
    }
}

/// Children to create, by relation.
pub type ChildWrites = Vec<(&'static ToMany, Vec<EntityWrite>)>;

/// The new target of a to-one relation.
#[derive(Debug)]
pub enum RelationTarget {
    Null,
    Id(i64),
    /// The target is updated in the same call.
    Updated(Box<EntityWrite>),
}

impl RelationTarget {
    /// The row that is referred to.
    pub fn id(&self) -> Option<i64> {
        match self {
            Self::Null => None,
            Self::Id(id) => Some(*id),
            Self::Updated(target) => target.id,
        }
    }
}

fn bad_parameter(text: impl Into<String>) -> Error {
    Error::BadParameter(text.into())
}

/// Parses the `entities` of a write: one object or an array of objects.
pub fn parse_items(text: &str) -> Result<Vec<EntityWrite>, Error> {
    let json: Value =
        serde_json::from_str(text).map_err(|e| bad_parameter(format!("{e} in json {text}")).with_offset(0))?;
    let values = match json {
        Value::Array(values) => values,
        single => vec![single],
    };
    values.iter().enumerate().map(|(offset, value)| parse_item(value).map_err(|e| e.with_offset(offset))).collect()
}

fn parse_item(value: &Value) -> Result<EntityWrite, Error> {
    let (entity, inner) = split_entity_name(value, "Entity must have one keyword followed by its values in json")?;
    let Value::Object(members) = inner else {
        return Err(bad_parameter(format!("Unexpected array found in JSON {inner}")));
    };
    parse_members(entity, members, 0)
}

/// Splits a top-level object into its one key, the name of an entity, and its value.
fn split_entity_name<'v>(value: &'v Value, complaint: &str) -> Result<(&'static Entity, &'v Value), Error> {
    let object = value.as_object().filter(|object| object.len() == 1);
    let (name, inner) =
        object.and_then(|o| o.iter().next()).ok_or_else(|| bad_parameter(format!("{complaint} {value}")))?;
    let entity = schema::find_entity(name).ok_or_else(|| bad_parameter(format!("{name} is not an ICAT entity")))?;
    Ok((entity, inner))
}

fn parse_members(entity: &'static Entity, members: &Map<String, Value>, depth: usize) -> Result<EntityWrite, Error> {
    if depth > MAX_DEPTH {
        return Err(bad_parameter("entities are nested too deeply"));
    }
    let id = members.get("id").map(parse_id).transpose()?;
    let mut item = EntityWrite { entity, id, fields: Vec::new(), to_one: Vec::new(), children: Vec::new() };
    for (key, value) in members {
        // Set by the server, and ignored, so that clients can send an entity back as they received it.
        if matches!(key.as_str(), "id" | "createId" | "createTime" | "modId" | "modTime") {
            continue;
        }
        match entity.find_member(key) {
            None => return Err(bad_parameter(format!("Field {key} not found in {}", entity.name))),
            Some(Member::Field(field)) => {
                let val = parse_json_value(field, value).map_err(|e| mismatch_error(&e, entity, field, value))?;
                item.fields.push((field, normalize_value(entity, field, val)));
            }
            Some(Member::One(one)) => item.to_one.push((one, parse_relation(one, value, depth)?)),
            Some(Member::Many(many)) => item.children.push((many, parse_children(many, value, depth)?)),
        }
    }
    Ok(item)
}

/// As icat.server stores it: rule flags are trimmed and in upper case.
fn normalize_value(entity: &Entity, field: &Field, val: Val) -> Val {
    match val {
        Val::Text(Some(flags)) if entity.name == "Rule" && field.name == "crudFlags" => {
            flags.trim().to_uppercase().into()
        }
        other => other,
    }
}

fn parse_id(value: &Value) -> Result<i64, Error> {
    value.as_i64().ok_or_else(|| bad_parameter(format!("Badly formatted id: {value}")))
}

fn mismatch_error(misfit: &ValueMismatch, entity: &Entity, field: &Field, value: &Value) -> Error {
    bad_parameter(match misfit {
        ValueMismatch::Kind(wanted) => format!("Field {} in {} must be {wanted}", field.name, entity.name),
        ValueMismatch::Date => format!("Badly formatted date {value}"),
        ValueMismatch::Boolean => format!("Field {} must be true or false in {}", field.name, entity.name),
        ValueMismatch::Enum => match field.kind {
            schema::FieldKind::Enum(def) => {
                format!("Field {} must be in [{}] for {}", field.name, def.values.join(", "), entity.name)
            }
            _ => format!("Field {} in {} has a wrong value", field.name, entity.name),
        },
    })
}

fn parse_relation(one: &'static ToOne, value: &Value, depth: usize) -> Result<RelationTarget, Error> {
    let members = match value {
        Value::Null => return Ok(RelationTarget::Null),
        Value::Object(members) => members,
        other => return Err(bad_parameter(format!("Badly formatted relationship object {other}"))),
    };
    // The text of icat.server, which confuses the two directions.
    let id = members.get("id").ok_or_else(|| {
        bad_parameter(format!("One to many related objects should not have the id value set: {value}"))
    })?;
    let id = parse_id(id).map_err(|_| bad_parameter(format!("Badly formatted relationship object {value}")))?;
    let target = parse_members(one.target(), members, depth + 1)?;
    let only_named = target.fields.is_empty() && target.to_one.is_empty() && target.children.is_empty();
    Ok(if only_named { RelationTarget::Id(id) } else { RelationTarget::Updated(Box::new(target)) })
}

fn parse_children(many: &'static ToMany, value: &Value, depth: usize) -> Result<Vec<EntityWrite>, Error> {
    let Value::Array(values) = value else {
        return Err(bad_parameter(format!("Badly formatted relationship object {value}")));
    };
    values
        .iter()
        .map(|value| {
            let Value::Object(members) = value else {
                return Err(bad_parameter(format!("Badly formatted relationship object {value}")));
            };
            if members.contains_key("id") {
                return Err(bad_parameter(format!(
                    "Many to one related objects should have the id value set: {value}"
                )));
            }
            parse_members(many.target(), members, depth + 1)
        })
        .collect()
}

/// Parses the `entities` of a delete: `{"Dataset":{"id":31}}` or an array of such objects.
pub fn parse_targets(text: &str) -> Result<Vec<(&'static Entity, i64)>, Error> {
    let json: Value = serde_json::from_str(text).map_err(|e| bad_parameter(format!("{e} in json {text}")))?;
    let values = match json {
        Value::Array(values) => values,
        single => vec![single],
    };
    let known = |value: &Value| match value.as_object().and_then(|o| o.keys().next()) {
        Some(name) if schema::find_entity(name).is_none() => {
            Err(bad_parameter(format!("{name} is not an ICAT entity")))
        }
        _ => Ok(()),
    };
    values.iter().try_for_each(known)?;
    values.iter().enumerate().map(|(offset, value)| parse_target(value).map_err(|e| e.with_offset(offset))).collect()
}

fn parse_target(value: &Value) -> Result<(&'static Entity, i64), Error> {
    let (entity, inner) = split_entity_name(value, "entity must have one keyword followed by its values in json")?;
    let members = inner.as_object();
    let id = members.and_then(|members| members.get("id"));
    if members.is_some_and(|members| members.len() == 1 && id.is_none() || members.len() > 1) {
        return Err(bad_parameter(format!("entity must have only the id value specified in json {value}")));
    }
    let id = id.ok_or_else(|| bad_parameter(format!("entity must have the id value specified in json {value}")))?;
    Ok((entity, parse_id(id)?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::sessions::Login;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]

        #[test]
        fn no_request_panics(
            text in "\\PC{0,60}",
            json in prop::collection::vec(prop::sample::select(vec![
                "{", "}", "[", "]", ",", ":", "\"Dataset\"", "\"id\"", "\"name\"", "\"investigation\"", "\"datafiles\"", "\"complete\"",
                "\"startDate\"", "\"plugin\"", "\"credentials\"", "1", "-1", "1e400", "null", "true", "\"x\"", "\"2026-01-12T09:00:00Z\"",
            ]), 0..24).prop_map(|pieces| pieces.concat()),
        ) {
            for text in [&text, &json, &format!("{{\"Dataset\":{{{json}}}}}")] {
                parse_items(text).map(drop).unwrap_or_default();
                parse_targets(text).map(drop).unwrap_or_default();
                Login::parse_json(text).map(drop).unwrap_or_default();
            }
        }
    }
}
