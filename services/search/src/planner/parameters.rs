//! Conditions on parameters: name, units and one value.

use serde_json::Value;

use super::Planner;
use super::dates::{parse_lower_bound, parse_upper_bound};
use super::query::ParameterQuery;
use crate::domain::entity::EntityKind;
use crate::domain::field::{FieldValue, find_field};
use crate::domain::plan::{Plan, TermField, TermKind, TermPattern};
use crate::domain::query_syntax::WildcardPattern;
use crate::error::Error;

impl Planner<'_> {
    /// Rows of `target` with a parameter of this kind.
    pub(super) fn plan_parameter(&self, target: EntityKind, query: &ParameterQuery) -> Result<Plan, Error> {
        let entity = find_parameter_entity(target);
        let mut plans = Vec::new();
        for (field, pattern) in [("type.name", &query.name), ("type.units", &query.units)] {
            if let Some(pattern) = pattern {
                plans.push(self.plan_wildcard(entity, field, pattern)?);
            }
        }
        if let Some(pattern) = &query.string_value {
            plans.push(self.plan_wildcard(entity, "stringValue", pattern)?);
        } else if let (Some(low), Some(high)) = (&query.lower_date_value, &query.upper_date_value) {
            plans.push(Plan::Integer("dateTimeValue", parse_lower_bound(low)?, parse_upper_bound(high)?));
        } else if let (Some(low), Some(high)) = (&query.lower_numeric_value, &query.upper_numeric_value) {
            plans.push(Plan::Number("numericValue", parse_number(low)?, parse_number(high)?));
        }
        self.join(entity, &Plan::and(plans), target)
    }

    /// Rows whose whole text matches, in the case of its letters.
    fn plan_wildcard(&self, entity: EntityKind, name: &str, pattern: &str) -> Result<Plan, Error> {
        let Some(field) = find_field(entity, name) else { return Ok(Plan::Nothing) };
        let FieldValue::Attribute(attribute) = field.value else { return Ok(Plan::Nothing) };
        let term = TermField { attribute: attribute.name, kind: TermKind::Whole };
        let pattern = WildcardPattern::from_wildcard_text(pattern);
        let condition = match pattern.to_literal() {
            Some(text) => Plan::Term(term, text),
            None => {
                self.budget.add_pattern()?;
                Plan::Pattern(term, TermPattern::Wildcard(pattern))
            }
        };
        self.plan_through_relations(entity, &field, condition)
    }
}

/// The parameters of an entity.
pub(super) fn find_parameter_entity(target: EntityKind) -> EntityKind {
    match target {
        EntityKind::Datafile => EntityKind::DatafileParameter,
        EntityKind::Dataset => EntityKind::DatasetParameter,
        EntityKind::Sample => EntityKind::SampleParameter,
        _ => EntityKind::InvestigationParameter,
    }
}

/// icat.server sends numbers also as texts, which icat.lucene answers with an error.
fn parse_number(value: &Value) -> Result<f64, Error> {
    let number = match value {
        Value::String(text) => text.trim().parse().ok(),
        value => value.as_f64(),
    };
    number.filter(|number: &f64| !number.is_nan()).ok_or_else(|| Error::Query(format!("{value} is not a number")))
}
