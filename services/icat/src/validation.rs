//! Validates rows against the schema and the meaning of entities, with icat.server's error texts.

use std::collections::HashSet;

use icat_client::schema::{self, Entity, Member};
use service_kit::{Tx, Val};

use crate::domain::values::format_java_double;
use crate::error::Error;
use crate::query::{ParseContext, parse_rule};
use crate::store::entities::{self, is_null, value_index};

fn find_value<'v>(entity: &Entity, values: &'v [Val], name: &str) -> Option<&'v Val> {
    value_index(entity, name).and_then(|at| values.get(at)).filter(|val| !is_null(val))
}

fn find_text<'v>(entity: &Entity, values: &'v [Val], name: &str) -> Option<&'v str> {
    match find_value(entity, values, name) {
        Some(Val::Text(text)) => text.as_deref(),
        _ => None,
    }
}

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
    match entity.name {
        "Rule" => check_rule(entity, values, parse),
        "PublicStep" => check_public_step(entity, values),
        name if name.ends_with("Parameter") => check_parameter(tx, entity, values).await,
        _ => Ok(()),
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

/// Validates `DatasetParameter` and similar entities: their type must be applicable, and its limits hold if it enforces them.
async fn check_parameter(tx: &mut Tx, entity: &'static Entity, values: &[Val]) -> Result<(), Error> {
    let types = schema::find_entity("ParameterType").ok_or_else(|| Error::Validation("no ParameterType".to_owned()))?;
    let Some(Val::I64(Some(id))) = find_value(entity, values, "type") else {
        return Err(Error::Validation("Type of parameter is not set".to_owned()));
    };
    let kind =
        entities::get_by_id(tx, types, *id).await?.ok_or_else(|| Error::entity_not_found("ParameterType", *id))?.values;
    let flag = |name: &str| matches!(find_value(types, &kind, name), Some(Val::I64(Some(1))));
    let name = find_text(types, &kind, "name").unwrap_or_default();
    let owner = entity.name.trim_end_matches("Parameter");
    if !flag(&format!("applicableTo{owner}")) {
        return Err(Error::Validation(format!("Parameter of type {name} is not applicable to a {owner}")));
    }
    if !flag("enforced") {
        return Ok(());
    }
    if let Some(Val::F64(Some(number))) = find_value(entity, values, "numericValue") {
        let limit = |which: &str| match find_value(types, &kind, which) {
            Some(Val::F64(limit)) => *limit,
            _ => None,
        };
        let breach = match (limit("minimumNumericValue"), limit("maximumNumericValue")) {
            (Some(least), _) if *number < least => Some(('<', least)),
            (_, Some(most)) if *number > most => Some(('>', most)),
            _ => None,
        };
        if let Some((sign, limit)) = breach {
            let (number, limit) = (format_java_double(*number), format_java_double(limit));
            return Err(Error::Validation(format!("Parameter of type {name} has value {number} {sign} {limit}")));
        }
    }
    if let Some(given) = find_text(entity, values, "stringValue") {
        check_permissible_value(tx, name, *id, given).await?;
    }
    Ok(())
}

async fn check_permissible_value(tx: &mut Tx, name: &str, type_id: i64, given: &str) -> Result<(), Error> {
    let Some(list) = schema::find_entity("PermissibleStringValue") else {
        return Ok(());
    };
    let pairs = entities::list_child_ids(tx, list, "parametertype_id", &[type_id], usize::MAX).await?;
    let ids: Vec<i64> = pairs.iter().map(|(_, id)| *id).collect();
    let rows = entities::find_by_ids(tx, list, &ids).await?;
    let mut allowed: Vec<&str> = rows.iter().filter_map(|row| find_text(list, &row.values, "value")).collect();
    allowed.sort_unstable();
    if !allowed.is_empty() && !allowed.contains(&given) {
        let allowed = allowed.join(", ");
        return Err(Error::Validation(format!(
            "Parameter of type {name} has value {given} not in allowed set [{allowed}]"
        )));
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
