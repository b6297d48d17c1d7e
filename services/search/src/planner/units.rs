//! Ranges of parameters with units.

use super::Planner;
use crate::domain::entity::{EntityKind, ValueKind};
use crate::domain::field::{Field, FieldValue};
use crate::domain::plan::{Plan, TermField, TermKind};
use crate::domain::units::{Unit, convert_range};
use crate::error::Error;
use crate::index::error::IndexError;

const UNITS_OF_TYPES: TermField = TermField { attribute: "units", kind: TermKind::Whole };

impl Planner<'_> {
    /// Rows of a parameter for which `range` holds, if its bounds are in these units. They are converted into the units of each
    /// parameter type, so that the index needs no converted values. Units that are not known must be the same text.
    pub(super) fn plan_range_in_units(
        &self,
        entity: EntityKind,
        field: &Field,
        range: &Plan,
        units: &str,
    ) -> Result<Plan, Error> {
        let unit = if is_measured(entity, field) { self.units.parse(units) } else { None };
        let Some(unit) = unit else {
            let same_units = self.plan_exact(entity, "type.units", units)?;
            return Ok(Plan::and(vec![self.plan_through_relations(entity, field, range.clone())?, same_units]));
        };
        let plans = self.list_units_of_types(&unit)?.into_iter().map(|(of_type, spellings)| {
            let Some(range) = convert_bounds(range, &unit, &of_type) else { return Ok(Plan::Nothing) };
            let spelled = spellings.into_iter().map(|text| Plan::Term(UNITS_OF_TYPES, text)).collect();
            let types = self.collect_ids(EntityKind::ParameterType, &Plan::or(spelled), None)?;
            Ok(Plan::and(vec![range, Plan::Related("type", types)]))
        });
        Ok(Plan::or(plans.collect::<Result<_, Error>>()?))
    }

    /// The units of parameter types that a value can be converted into, each with all texts that stand for it.
    fn list_units_of_types(&self, from: &Unit) -> Result<Vec<(Unit, Vec<String>)>, Error> {
        let mut units: Vec<(Unit, Vec<String>)> = Vec::new();
        let texts = self.snapshot.list_terms(EntityKind::ParameterType, UNITS_OF_TYPES.attribute, self.deadline)?;
        for text in texts {
            self.deadline.check().map_err(IndexError::from)?;
            let Some(unit) = self.units.parse(&text).filter(|unit| unit.has_dimension_of(from)) else { continue };
            match units.iter_mut().find(|(known, _)| *known == unit) {
                Some((_, texts)) => texts.push(text),
                None => units.push((unit, vec![text])),
            }
        }
        Ok(units)
    }
}

/// Whether the field has values in the units of the parameter type.
fn is_measured(entity: EntityKind, field: &Field) -> bool {
    let is_parameter =
        entity.find_relation("type").is_some_and(|relation| relation.target == EntityKind::ParameterType);
    let is_number = matches!(field.value, FieldValue::Attribute(attribute) if attribute.kind == ValueKind::Number);
    is_parameter && field.path.is_empty() && is_number
}

/// The same condition with its bounds in another unit.
fn convert_bounds(plan: &Plan, from: &Unit, to: &Unit) -> Option<Plan> {
    let convert_all =
        |plans: &[Plan]| plans.iter().map(|plan| convert_bounds(plan, from, to)).collect::<Option<Vec<_>>>();
    match plan {
        Plan::Number(attribute, low, high) => {
            let (low, high) = convert_range(*low, *high, from, to)?;
            Some(Plan::Number(attribute, low, high))
        }
        Plan::And(plans) => Some(Plan::And(convert_all(plans)?)),
        Plan::Or(plans) => Some(Plan::Or(convert_all(plans)?)),
        _ => None,
    }
}
