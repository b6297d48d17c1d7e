//! How many rows have each value of a field.

use serde_json::{Map, Value, json};

use crate::domain::entity::{EntityKind, ValueKind};
use crate::domain::field::{FieldValue, find_field};
use crate::domain::plan::{Plan, collect_set};
use crate::error::Error;
use crate::index::index_view::CountedRanges;
use crate::planner::Planner;
use crate::results::count_field::CountedField;

/// Values of an attribute in one list. Ids have no limit.
const MAX_VALUES: usize = 1_024;

/// A range of numbers: `from` belongs to it, `to` does not.
#[derive(Debug, Clone, Default, serde::Deserialize)]
pub struct FacetRange {
    pub from: Option<Value>,
    pub to: Option<Value>,
    pub key: Option<String>,
}

/// A field whose values are counted.
#[derive(Debug, Clone, serde::Deserialize)]
pub struct FacetDimension {
    pub dimension: String,
    pub ranges: Option<Vec<FacetRange>>,
}

/// A value of a field, with the number of rows.
#[derive(Debug, Clone, PartialEq)]
pub struct FacetCount {
    pub label: String,
    pub count: u64,
    /// The bounds of a range, both included.
    pub bounds: Option<(Value, Value)>,
}

impl Planner<'_> {
    /// The most frequent values, or all ranges in their order. Blocks the thread.
    pub fn count_facet(
        &self,
        entity: EntityKind,
        plan: &Plan,
        dimension: &FacetDimension,
        max_labels: usize,
    ) -> Result<Vec<FacetCount>, Error> {
        let Some(field) = find_field(entity, &dimension.dimension) else { return Ok(Vec::new()) };
        let FieldValue::Attribute(attribute) = field.value else { return Ok(Vec::new()) };
        match &dimension.ranges {
            Some(ranges) => match attribute.kind {
                ValueKind::Integer if field.path.is_empty() => {
                    let bounds = ranges.iter().map(read_integers).collect::<Result<Vec<_>, _>>()?;
                    let counted = CountedRanges::Integers(bounds.clone());
                    let counts = self.snapshot.count_ranges(entity, plan, attribute.name, &counted, self.deadline)?;
                    let shown = bounds
                        .iter()
                        .map(|(from, to)| (from.to_string(), to.to_string(), json!(from), json!(to.saturating_sub(1))));
                    Ok(label_ranges(ranges, shown, &counts))
                }
                ValueKind::Number if field.path.is_empty() => {
                    let bounds = ranges.iter().map(read_numbers).collect::<Result<Vec<_>, _>>()?;
                    let counted = CountedRanges::Numbers(bounds.clone());
                    let counts = self.snapshot.count_ranges(entity, plan, attribute.name, &counted, self.deadline)?;
                    let shown = bounds
                        .iter()
                        .map(|(from, to)| (format!("{from:?}"), format!("{to:?}"), json!(from), json!(to.next_down())));
                    Ok(label_ranges(ranges, shown, &counts))
                }
                _ => Err(Error::Query(format!(
                    "{}: ranges are only possible for numbers and dates of the entity itself",
                    dimension.dimension
                ))),
            },
            None => {
                let counted = CountedField::without_link(field, attribute.name);
                let counts = self.count_field(entity, plan, &counted, max_labels)?;
                let to_count = |(label, count)| FacetCount { label, count, bounds: None };
                Ok(counts.into_iter().map(to_count).collect())
            }
        }
    }

    /// The rows that a facet counts: each key is a field with one value or a list of values.
    pub fn plan_facet_query(&self, entity: EntityKind, query: &Map<String, Value>) -> Result<Plan, Error> {
        let plans = query.iter().map(|(name, value)| self.plan_facet_value(entity, name, value));
        Ok(Plan::and(plans.collect::<Result<_, _>>()?))
    }

    fn plan_facet_value(&self, entity: EntityKind, name: &str, value: &Value) -> Result<Plan, Error> {
        match value {
            Value::Array(values) if values.is_empty() => Ok(Plan::Nothing),
            Value::Array(values) if values.iter().all(Value::is_i64) => {
                self.plan_ids(entity, name, values.iter().filter_map(Value::as_i64))
            }
            Value::Array(values) => {
                let plans = values.iter().map(|value| self.plan_facet_value(entity, name, value));
                Ok(Plan::or(plans.collect::<Result<_, _>>()?))
            }
            Value::String(text) => self.plan_exact(entity, name, text),
            Value::Number(number) if is_number(entity, name) => {
                let number = number.as_f64().unwrap_or_default();
                let Some(field) = find_field(entity, name) else { return Ok(Plan::Nothing) };
                let FieldValue::Attribute(attribute) = field.value else { return Ok(Plan::Nothing) };
                self.plan_through_relations(entity, &field, Plan::Number(attribute.name, number, number))
            }
            Value::Number(number) => match number.as_i64() {
                Some(id) => self.plan_ids(entity, name, std::iter::once(id)),
                None => Err(Error::Query(format!("{name} must be a whole number, but is {number}"))),
            },
            Value::Object(_) => self.plan_filter(entity, name, value),
            _ => Err(Error::Query(format!("{name} must be a string, a number or an array of them"))),
        }
    }

    fn plan_ids(&self, entity: EntityKind, name: &str, ids: impl Iterator<Item = i64>) -> Result<Plan, Error> {
        let Some(field) = find_field(entity, name) else { return Ok(Plan::Nothing) };
        let condition = match field.value {
            FieldValue::Attribute(attribute) if attribute.kind == ValueKind::Integer => {
                let ids: Vec<i64> = ids.collect();
                if ids.len() > MAX_VALUES {
                    return Err(Error::Query(format!("{name} has more than {MAX_VALUES} values")));
                }
                let ids = ids.into_iter();
                Plan::or(ids.map(|value| Plan::Integer(attribute.name, value, value)).collect())
            }
            FieldValue::Attribute(attribute) => {
                return Err(Error::Query(format!("{} has no whole numbers", attribute.name)));
            }
            FieldValue::Id => Plan::Ids(collect_set(ids)),
            FieldValue::RelatedId(relation) => Plan::Related(relation, collect_set(ids)),
        };
        self.plan_through_relations(entity, &field, condition)
    }
}

fn is_number(entity: EntityKind, name: &str) -> bool {
    let value = find_field(entity, name).map(|field| field.value);
    matches!(value, Some(FieldValue::Attribute(attribute)) if attribute.kind == ValueKind::Number)
}

fn read_integers(range: &FacetRange) -> Result<(i64, i64), Error> {
    let read = |bound: &Option<Value>, open: i64| match bound {
        None => Ok(open),
        Some(value) => value.as_i64().ok_or_else(|| Error::Query(format!("{value} is not a whole number"))),
    };
    Ok((read(&range.from, i64::MIN)?, read(&range.to, i64::MAX)?))
}

fn read_numbers(range: &FacetRange) -> Result<(f64, f64), Error> {
    let read = |bound: &Option<Value>, open: f64| match bound {
        None => Ok(open),
        Some(value) => value.as_f64().ok_or_else(|| Error::Query(format!("{value} is not a number"))),
    };
    Ok((read(&range.from, f64::MIN)?, read(&range.to, f64::MAX)?))
}

fn label_ranges(
    ranges: &[FacetRange],
    shown: impl Iterator<Item = (String, String, Value, Value)>,
    counts: &[u64],
) -> Vec<FacetCount> {
    ranges
        .iter()
        .zip(shown)
        .zip(counts)
        .map(|((range, (from, to, low, high)), count)| FacetCount {
            label: range.key.clone().unwrap_or_else(|| format!("{from}-{to}")),
            count: *count,
            bounds: Some((low, high)),
        })
        .collect()
}
