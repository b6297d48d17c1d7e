//! The `filter` of a query: values of fields, and conditions on related rows.

use serde_json::{Map, Value};

use super::Planner;
use super::json_type::name_json_type;
use crate::domain::entity::{EntityKind, ValueKind};
use crate::domain::field::{Field, FieldValue, find_field, list_linked_fields};
use crate::domain::plan::Plan;
use crate::error::Error;

/// Values of one entry of a filter.
pub const MAX_ALTERNATIVES: usize = 1_024;

impl Planner<'_> {
    /// One entry of the filter. The key is the field of `target`, or a related entity with or without a field of it.
    pub fn plan_filter(&self, target: EntityKind, key: &str, value: &Value) -> Result<Plan, Error> {
        let alternatives = match value {
            Value::Array(values) => values.as_slice(),
            value => std::slice::from_ref(value),
        };
        if alternatives.len() > MAX_ALTERNATIVES {
            return Err(Error::Query(format!("the filter {key} has more than {MAX_ALTERNATIVES} values")));
        }
        let (first, rest) = key.split_once('.').unwrap_or((key, ""));
        match EntityKind::find_ignoring_case(first) {
            // Each element must hold, and all its conditions for the same row.
            Some(entity) if rest.is_empty() => {
                let plans = alternatives.iter().map(|element| self.plan_same_row(target, entity, element));
                Ok(Plan::and(plans.collect::<Result<_, _>>()?))
            }
            Some(entity) if entity != target && find_field(entity, rest).is_some() => {
                let plans = alternatives.iter().map(|value| self.plan_value(entity, rest, value));
                let plan = Plan::or(plans.collect::<Result<_, _>>()?);
                self.join(entity, &plan, target)
            }
            found => {
                let name = if found == Some(target) { rest } else { key };
                let plans = alternatives.iter().map(|value| self.plan_value(target, name, value));
                Ok(Plan::or(plans.collect::<Result<_, _>>()?))
            }
        }
    }

    /// Rows of `target` with a related row for which all conditions of `filter` hold.
    fn plan_same_row(&self, target: EntityKind, entity: EntityKind, element: &Value) -> Result<Plan, Error> {
        let Some(element) = element.as_object() else { return Err(wrong_value(element)) };
        let conditions = match element.get("filter") {
            Some(Value::Array(conditions)) => conditions.as_slice(),
            _ => return Err(Error::Query("filter objects need an array named filter".to_owned())),
        };
        let plans = conditions.iter().map(|condition| self.plan_condition(entity, condition));
        let plan = Plan::and(plans.collect::<Result<_, _>>()?);
        self.join(entity, &plan, target)
    }

    fn plan_condition(&self, entity: EntityKind, condition: &Value) -> Result<Plan, Error> {
        let Some(condition) = condition.as_object() else { return Err(wrong_value(condition)) };
        let Some(name) = condition.get("field").and_then(Value::as_str) else {
            return Err(Error::Query("each condition of a filter needs a field".to_owned()));
        };
        if let Some(value) = condition.get("value") {
            return self.plan_value(entity, name, value);
        }
        let field = find_field(entity, name).ok_or_else(|| unknown_field(entity, name))?;
        let range = match condition.get("exact") {
            Some(exact) => plan_exact_number(&field, exact)?,
            None => plan_range(&field, condition, true)?,
        };
        match condition.get("units").and_then(Value::as_str) {
            Some(units) => self.plan_range_in_units(entity, &field, &range, units),
            None => self.plan_through_relations(entity, &field, range),
        }
    }

    /// Rows whose field has exactly this value, or lies between `from` and `to`.
    fn plan_value(&self, entity: EntityKind, name: &str, value: &Value) -> Result<Plan, Error> {
        match value {
            Value::String(text) => {
                if find_field(entity, name).is_none() {
                    return Err(unknown_field(entity, name));
                }
                self.plan_exact(entity, name, text)
            }
            Value::Object(bounds) if bounds.contains_key("filter") => self.plan_same_row(entity, entity, value),
            Value::Object(bounds) => {
                let field = find_field(entity, name).ok_or_else(|| unknown_field(entity, name))?;
                let range = plan_range(&field, bounds, false)?;
                self.plan_through_relations(entity, &field, range)
            }
            _ => Err(wrong_value(value)),
        }
    }
}

/// Values between `from` and `to`, both included. In a nested condition, an integer bound that is no integer of 64 bits is no
/// bound: browsers send the smallest and the largest one rounded.
fn plan_range(field: &Field, bounds: &Map<String, Value>, is_nested: bool) -> Result<Plan, Error> {
    let FieldValue::Attribute(attribute) = field.value else {
        return Err(Error::Query("ids have no range".to_owned()));
    };
    let bound = |name: &str| {
        bounds.get(name).ok_or_else(|| Error::Query(format!("a range of {} needs from and to", attribute.name)))
    };
    let (from, to) = (bound("from")?, bound("to")?);
    match attribute.kind {
        ValueKind::Integer => {
            let parse = |value: &Value, open: i64| match value.as_i64() {
                Some(bound) => Ok(bound),
                None if is_nested && value.is_number() => Ok(open),
                None => {
                    Err(Error::Query(format!("bounds of {} must be whole numbers, but got {value}", attribute.name)))
                }
            };
            Ok(Plan::Integer(attribute.name, parse(from, i64::MIN)?, parse(to, i64::MAX)?))
        }
        ValueKind::Number => {
            let parse = |value: &Value| {
                value.as_f64().ok_or_else(|| {
                    Error::Query(format!("bounds of {} must be numbers, but got {value}", attribute.name))
                })
            };
            Ok(Plan::Number(attribute.name, parse(from)?, parse(to)?))
        }
        _ => Err(Error::Query(format!("{} has texts, which have no range", attribute.name))),
    }
}

/// Rows with this number, or with a range that contains it.
pub(super) fn plan_exact_number(field: &Field, exact: &Value) -> Result<Plan, Error> {
    let FieldValue::Attribute(attribute) = field.value else {
        return Err(Error::Query("exact needs a field with numbers".to_owned()));
    };
    match (attribute.kind, exact.as_i64(), exact.as_f64()) {
        (ValueKind::Integer, Some(number), _) => Ok(Plan::Integer(attribute.name, number, number)),
        (ValueKind::Number, _, Some(number)) => Ok(Plan::or(vec![
            Plan::Number(attribute.name, number, number),
            Plan::and(vec![
                Plan::Number("rangeBottom", f64::NEG_INFINITY, number),
                Plan::Number("rangeTop", number, f64::INFINITY),
            ]),
        ])),
        _ => Err(Error::Query(format!("{exact} is not a value of {}", attribute.name))),
    }
}

fn wrong_value(value: &Value) -> Error {
    let kind = name_json_type(value);
    Error::Query(format!("filter object values should be STRING or OBJECT, but were {kind}"))
}

/// The field of a text for a parameter, with the place of its name.
const PARAMETER_FIELD: &str = "parameter.NAME";

/// The fields that a text of a query may name.
pub(super) fn unknown_field(entity: EntityKind, name: &str) -> Error {
    let own = entity.attributes().iter().map(|attribute| attribute.name.to_owned());
    let related = entity.relations().iter().flat_map(|relation| {
        relation.target.attributes().iter().map(move |attribute| format!("{}.{}", relation.name, attribute.name))
    });
    // Names that mean the same, or that nobody searches for, would make the list too long to read.
    let is_shown = |name: &String| {
        let (_, last) = name.rsplit_once('.').unwrap_or(("", name));
        !matches!(last, "pid" | "fileCount") && (last != "doi" || last == name)
    };
    let fields = own
        .chain(related)
        .chain(list_linked_fields(entity))
        .filter(is_shown)
        .chain([PARAMETER_FIELD.to_owned()])
        .collect::<Vec<_>>()
        .join(", ");
    Error::Query(format!("{entity} has no field {name}; it has {fields}"))
}
