//! Parameters in the text of a query: `parameter.temperature:[4K TO 10K]`, `parameter.mode:fast`.

use std::ops::Bound;

use serde_json::json;

use super::Planner;
use super::filter::plan_exact_number;
use super::parameters::find_parameter_entity;
use super::text::FieldCondition;
use super::values::parse_integer_range;
use super::words::plan_whole;
use crate::domain::entity::EntityKind;
use crate::domain::field::find_field;
use crate::domain::plan::Plan;
use crate::domain::query_syntax::PatternChar;
use crate::domain::units::{convert_range, split_number};
use crate::error::Error;

const PREFIX: &str = "parameter.";
/// Units that an error names.
const MAX_NAMED_UNITS: usize = 10;

/// The name of the parameter in `parameter.temperature`.
pub(super) fn strip_parameter_prefix(field: &str) -> Option<&str> {
    let (prefix, name) = field.split_at_checked(PREFIX.len())?;
    (prefix.eq_ignore_ascii_case(PREFIX) && !name.is_empty()).then_some(name)
}

/// Inclusive bounds in the same units, which may be empty.
#[derive(Clone, Copy, Debug, PartialEq)]
struct QuantityRange<'t> {
    low: f64,
    high: f64,
    units: &'t str,
}

impl Planner<'_> {
    /// Rows of `target` with a parameter of this name and a value that meets the condition.
    pub(super) fn plan_parameter_text(
        &self,
        target: EntityKind,
        name: &str,
        leaf: &FieldCondition<'_>,
    ) -> Result<Plan, Error> {
        let entity = find_parameter_entity(target);
        let value = match leaf {
            FieldCondition::Wildcard(pattern) if pattern.chars() == [PatternChar::AnyChars] => Plan::All,
            FieldCondition::Word(_) | FieldCondition::Phrase(..) | FieldCondition::Range(..) => {
                self.plan_parameter_value(entity, name, leaf)?
            }
            FieldCondition::Path(pattern) => match pattern.to_literal() {
                // Units contain slashes, too.
                Some(text) => self.plan_parameter_value(entity, name, &FieldCondition::Word(&text))?,
                None => plan_whole("stringValue", leaf),
            },
            FieldCondition::Prefix(_) | FieldCondition::Wildcard(_) | FieldCondition::Fuzzy(..) => {
                plan_whole("stringValue", leaf)
            }
        };
        let named = self.plan_exact(entity, "type.name", name)?;
        self.join(entity, &Plan::and(vec![named, value]), target)
    }

    /// A text, numbers with or without units, or dates: whichever the parameter has. A year is a number, too.
    fn plan_parameter_value(&self, entity: EntityKind, name: &str, leaf: &FieldCondition<'_>) -> Result<Plan, Error> {
        let mut plans = Vec::new();
        if !matches!(leaf, FieldCondition::Range(..)) {
            plans.push(plan_whole("stringValue", leaf));
        }
        let period = parse_integer_range("dateTimeValue", leaf, self.zone).ok();
        plans.extend(period.map(|(first, last)| Plan::Integer("dateTimeValue", first, last)));
        // What follows the year of a day is no unit.
        let range = match self.parse_quantities(leaf) {
            Err(_) if period.is_some() => None,
            parsed => parsed?.filter(|range| period.is_none() || range.units.is_empty()),
        };
        if let Some(range) = range {
            plans.push(self.plan_quantities(entity, name, range)?);
        }
        if plans.is_empty() {
            return Err(Error::Query(format!(
                "the bounds of the parameter {name} are neither numbers nor dates; write parameter.{name}:[4 TO 10], \
                 parameter.{name}:[4K TO 10K] or parameter.{name}:[2024-03-01 TO 2024-03-15]"
            )));
        }
        Ok(Plan::or(plans))
    }

    /// Parameters whose numbers lie in the range, in whatever units of the same dimension.
    fn plan_quantities(&self, entity: EntityKind, name: &str, range: QuantityRange<'_>) -> Result<Plan, Error> {
        let Some(field) = find_field(entity, "numericValue") else { return Ok(Plan::Nothing) };
        let QuantityRange { low, high, units } = range;
        let plan = match low.partial_cmp(&high) {
            Some(std::cmp::Ordering::Equal) => plan_exact_number(&field, &json!(low))?,
            _ => Plan::Number("numericValue", low, high),
        };
        if units.is_empty() {
            return Ok(plan);
        }
        self.check_dimension(name, units)?;
        self.plan_range_in_units(entity, &field, &plan, units)
    }

    /// Refuses units into which no value of the parameter can be converted: the search could find nothing, and nobody would know
    /// why.
    pub(super) fn check_dimension(&self, name: &str, units: &str) -> Result<(), Error> {
        // An icat.server shows the text to users whose rights are not known here.
        if self.readable.is_none() {
            return Ok(());
        }
        let named = self.plan_exact(EntityKind::ParameterType, "name", name)?;
        let types = self.collect_ids(EntityKind::ParameterType, &named, None)?;
        let rows = self.fetch_rows(EntityKind::ParameterType, types.iter().map(u64::cast_signed))?;
        let mut known: Vec<&str> = rows.values().filter_map(|row| row.find_text("units")).collect();
        let unit = self.units.parse(units);
        let is_comparable = |of_type: &&str| match unit {
            Some(unit) => self.units.parse(of_type).is_some_and(|of_type| of_type.has_dimension_of(&unit)),
            None => *of_type == units,
        };
        if rows.is_empty() || known.iter().any(is_comparable) {
            return Ok(());
        }
        known.retain(|units| !units.is_empty());
        known.sort_unstable();
        known.dedup();
        known.truncate(MAX_NAMED_UNITS);
        let known = if known.is_empty() { "no units".to_owned() } else { format!("the units {}", known.join(", ")) };
        Err(Error::Query(match unit {
            Some(_) => format!("`{units}` has another dimension than the parameter {name}, which has {known}"),
            None => format!("`{units}` is no known unit, and the parameter {name} has {known}"),
        }))
    }

    /// `None` if the condition is not about numbers.
    fn parse_quantities<'t>(&self, leaf: &FieldCondition<'t>) -> Result<Option<QuantityRange<'t>>, Error> {
        let (low, high) = match leaf {
            FieldCondition::Word(text) | FieldCondition::Phrase(text, _) => {
                let quantity = split_number(text.trim()).filter(|(number, _)| number.is_finite());
                return Ok(quantity.map(|(number, units)| QuantityRange { low: number, high: number, units }));
            }
            FieldCondition::Range(low, high) => (*low, *high),
            _ => return Ok(None),
        };
        let (Some((low, low_units)), Some((high, high_units))) =
            (parse_bound(low, f64::NEG_INFINITY, f64::next_up), parse_bound(high, f64::INFINITY, f64::next_down))
        else {
            return Ok(None);
        };
        if low_units == high_units || high_units.is_empty() {
            return Ok(Some(QuantityRange { low, high, units: low_units }));
        }
        if low_units.is_empty() {
            return Ok(Some(QuantityRange { low, high, units: high_units }));
        }
        let converted = self.units.parse(low_units).zip(self.units.parse(high_units));
        let converted = converted.and_then(|(to, from)| convert_range(high, high, &from, &to));
        match converted {
            Some((_, high)) => Ok(Some(QuantityRange { low, high, units: low_units })),
            None => Err(Error::Query(format!(
                "the bounds `{low_units}` and `{high_units}` cannot be compared: they are no known units of one dimension"
            ))),
        }
    }
}

/// A number with its units. `None` if it is no number.
fn parse_bound(bound: &Bound<String>, open: f64, exclude: impl Fn(f64) -> f64) -> Option<(f64, &str)> {
    let (text, is_excluded) = match bound {
        Bound::Included(text) => (text, false),
        Bound::Excluded(text) => (text, true),
        Bound::Unbounded => return Some((open, "")),
    };
    let (number, units) = split_number(text.trim()).filter(|(number, _)| number.is_finite())?;
    Some((if is_excluded { exclude(number) } else { number }, units))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_have_numbers_and_units() {
        let included = |text: &str| Bound::Included(text.to_owned());
        for (bound, expected) in [
            (included("4K"), Some((4.0, "K"))),
            (included(" -4.5e-3 mol/l "), Some((-0.0045, "mol/l"))),
            (included("12eV"), Some((12.0, "eV"))),
            (included("10"), Some((10.0, ""))),
            (Bound::Unbounded, Some((f64::INFINITY, ""))),
            (Bound::Excluded("1".to_owned()), Some((1.0_f64.next_down(), ""))),
            (included("K"), None),
            (included("1e999"), None),
        ] {
            assert_eq!(parse_bound(&bound, f64::INFINITY, f64::next_down), expected, "{bound:?}");
        }
    }

    #[test]
    fn the_name_follows_the_prefix() {
        for (field, expected) in [
            ("parameter.temperature", Some("temperature")),
            ("Parameter.beam energy", Some("beam energy")),
            ("parameter.a.b", Some("a.b")),
            ("parameter.", None),
            ("parameters.a", None),
            ("name", None),
            ("Größe.größer", None),
        ] {
            assert_eq!(strip_parameter_prefix(field), expected, "{field}");
        }
    }
}
