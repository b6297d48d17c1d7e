//! Validates rows against the schema and the meaning of entities, with icat.server's error texts.

use std::collections::HashSet;

use icat_client::schema::{self, Entity, Member};
use service_kit::{Tx, Val};

use crate::error::Error;
pub(crate) use crate::parameter_types::ParameterTypes;
use crate::query::{ParseContext, parse_rule};
use crate::store::entities::{self, find_text, find_value, value_index};

/// Fails for the first member, in alphabetical order, that is NULL but must not be.
pub fn require_not_null(entity: &'static Entity, values: &[Val]) -> Result<(), Error> {
    for member in entity.members().iter().copied() {
        let nullable = match member {
            Member::Field(field) => field.nullable,
            Member::One(one) => one.nullable,
            Member::Many(_) => true,
        };
        if !nullable && find_value(entity, values, member.name()).is_none() {
            return Err(Error::Validation(format!("{}: {} cannot be null.", entity.name, member.name())));
        }
    }
    Ok(())
}

pub fn check_lengths(entity: &'static Entity, values: &[Val]) -> Result<(), Error> {
    for (field, val) in entity.fields.iter().zip(values) {
        if let Val::Text(Some(text)) = val
            && field.length > 0
            && text.chars().count() > field.length
        {
            let message = format!("{}: {} cannot have length > {}", entity.name, field.name, field.length);
            return Err(Error::Validation(message));
        }
    }
    Ok(())
}

/// Validates entities whose values have a meaning for the catalogue: rules, public steps and parameters.
pub async fn check_entity_rules(
    tx: &mut Tx,
    entity: &'static Entity,
    values: &[Val],
    parse: &ParseContext,
) -> Result<(), Error> {
    let types = match parameter_type_id(entity, values) {
        Some(id) => ParameterTypes::load(tx, &[id]).await?,
        None => ParameterTypes::default(),
    };
    check_loaded_entity_rules(entity, values, parse, &types)
}

/// The same, with the types of parameters loaded before.
pub(crate) fn check_loaded_entity_rules(
    entity: &'static Entity,
    values: &[Val],
    parse: &ParseContext,
    types: &ParameterTypes,
) -> Result<(), Error> {
    match entity.name {
        "Rule" => check_rule(entity, values, parse),
        "PublicStep" => check_public_step(entity, values),
        name if is_parameter(name) => types.check_parameter(entity, values),
        _ => Ok(()),
    }
}

fn is_parameter(name: &str) -> bool {
    name.ends_with("Parameter")
}

/// The type of a `DatasetParameter` or similar entity.
pub(crate) fn parameter_type_id(entity: &Entity, values: &[Val]) -> Option<i64> {
    match find_value(entity, values, "type") {
        Some(Val::I64(id)) if is_parameter(entity.name) => *id,
        _ => None,
    }
}

fn check_rule(entity: &Entity, values: &[Val], parse: &ParseContext) -> Result<(), Error> {
    let flags = find_text(entity, values, "crudFlags").unwrap_or_default().trim().to_uppercase();
    if let Some(unknown) = flags.chars().find(|c| !"CRUD".contains(*c)) {
        return Err(Error::BadParameter(format!("CRUD value {flags} contains {unknown}")));
    }
    let rule = parse_rule(find_text(entity, values, "what").unwrap_or_default(), parse)?;
    if rule.attribute.is_some() && flags != "U" {
        return Err(Error::BadParameter("Attribute selection in rules is only allowed for Update".to_owned()));
    }
    Ok(())
}

fn check_public_step(entity: &Entity, values: &[Val]) -> Result<(), Error> {
    let origin = find_text(entity, values, "origin").unwrap_or_default();
    let field = find_text(entity, values, "field").unwrap_or_default();
    let origin =
        schema::find_entity(origin).ok_or_else(|| Error::BadParameter(format!("{origin} is not an ICAT entity")))?;
    if origin.find_to_one(field).is_none() && origin.find_to_many(field).is_none() {
        let message = format!("Field value {field} does not implement a relationship from {}", origin.name);
        return Err(Error::BadParameter(message));
    }
    Ok(())
}

/// Fails if a row other than `own` has the same unique key. Rows `created` by this request are named by id in the error.
pub(crate) async fn require_unique_key(
    tx: &mut Tx,
    entity: &'static Entity,
    values: &[Val],
    own: Option<i64>,
    created: &HashSet<i64>,
) -> Result<(), Error> {
    let Some(twin) = entities::find_by_key(tx, entity, values).await?.filter(|twin| own != Some(*twin)) else {
        return Ok(());
    };
    let mut parts = Vec::new();
    for name in entity.unique {
        let val = value_index(entity, name).and_then(|at| values.get(at)).cloned().unwrap_or(Val::I64(None));
        let shown = match entity.find_to_one(name) {
            None => val.to_string(),
            Some(_) if created.contains(&twin) => format!("id:{val}"),
            Some(one) if one.target == "User" => render_user_label(tx, one.target(), &val).await?,
            Some(one) => format!("{}:{val}", one.target),
        };
        parts.push(format!("{name} = '{shown}'"));
    }
    Err(Error::AlreadyExists(format!("{} exists with {}", entity.name, parts.join(", "))))
}

async fn render_user_label(tx: &mut Tx, users: &'static Entity, id: &Val) -> Result<String, Error> {
    let Val::I64(Some(id)) = id else {
        return Ok(id.to_string());
    };
    let user = entities::get_by_id(tx, users, *id).await?;
    let name = user.as_ref().and_then(|user| find_text(users, &user.values, "name"));
    Ok(name.map_or_else(|| id.to_string(), |name| format!("User[name={name}]")))
}
