//! Conditions of a search as users write them: `temperature:4..10K`, `instrument.name=ID29`, `2025-01-31`.

use std::str::FromStr;

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan as _};
use search::domain::units::split_number;
use serde::Serialize;
use thiserror::Error;

/// A parameter that a row must have, as the search service takes it.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct ParameterCondition {
    pub name: String,
    /// At least this number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<f64>,
    /// At most this number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub units: Option<String>,
    /// Exactly this text, instead of numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// Mistakes in a condition for a parameter.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum ParameterError {
    #[error("the name of the parameter is missing; write NAME:RANGE, such as temperature:4..10K")]
    NoName,
    #[error("the text after := is missing; write it as in mode:=fast")]
    NoText,
    #[error("`{range}` is not a range; write FROM..TO, such as temperature:4..10K, or a text as in mode:=fast")]
    NotRange { range: String },
    #[error("`{0}` is one number; for exactly this number write it twice, such as temperature:4..4K")]
    OneNumber(String),
    #[error(
        "`{bound}` does not begin with a number; write a range such as temperature:4..10K, temperature:4K.. or temperature:..10K"
    )]
    NotNumber { bound: String },
    #[error("`{0}` is too large a number")]
    TooLarge(String),
    #[error("the units are those of the last number; write temperature:4..10K, not temperature:4K..10")]
    UnitsBeforeLast,
    #[error("both numbers need the same units, which are written once, such as temperature:4..10K")]
    DifferentUnits,
    #[error(
        "the range begins with {from} and ends with {to}; write the smaller number first, such as temperature:4..10K"
    )]
    Reversed { from: f64, to: f64 },
}

impl FromStr for ParameterCondition {
    type Err = ParameterError;

    fn from_str(condition: &str) -> Result<Self, ParameterError> {
        if let Some((name, text)) = condition.split_once(":=") {
            let text = Some(text.to_owned()).filter(|text| !text.is_empty()).ok_or(ParameterError::NoText)?;
            return Ok(Self { name: parse_name(name)?, text: Some(text), ..Self::default() });
        }
        // The name may contain a colon.
        let Some((name, range)) = condition.rsplit_once(':') else {
            return Ok(Self { name: parse_name(condition)?, ..Self::default() });
        };
        let name = parse_name(name)?;
        let Some((from, to)) = range.split_once("..") else {
            return Err(match split_number(range.trim()) {
                Some(_) => ParameterError::OneNumber(range.trim().to_owned()),
                None => ParameterError::NotRange { range: range.to_owned() },
            });
        };
        let (from, to) = (parse_bound(from)?, parse_bound(to)?);
        let units = match (&from, &to) {
            (Some((_, before)), Some((_, ""))) if !before.is_empty() => return Err(ParameterError::UnitsBeforeLast),
            (Some((_, before)), Some((_, last))) if !before.is_empty() && before != last => {
                return Err(ParameterError::DifferentUnits);
            }
            (_, Some((_, units))) | (Some((_, units)), None) => *units,
            (None, None) => "",
        };
        let units = Some(units.to_owned()).filter(|units| !units.is_empty());
        let (from, to) = (from.map(|(number, _)| number), to.map(|(number, _)| number));
        if let (Some(from), Some(to)) = (from, to)
            && from > to
        {
            return Err(ParameterError::Reversed { from, to });
        }
        // Any number.
        let is_open = from.is_none() && to.is_none();
        Ok(Self { name, from: if is_open { Some(f64::MIN) } else { from }, to, units, text: None })
    }
}

fn parse_name(name: &str) -> Result<String, ParameterError> {
    match name.trim() {
        "" => Err(ParameterError::NoName),
        name => Ok(name.to_owned()),
    }
}

/// A number with what follows it; `None` if there is no bound.
fn parse_bound(bound: &str) -> Result<Option<(f64, &str)>, ParameterError> {
    let bound = bound.trim();
    if bound.is_empty() {
        return Ok(None);
    }
    let (number, units) = split_number(bound).ok_or_else(|| ParameterError::NotNumber { bound: bound.to_owned() })?;
    if number.is_infinite() {
        return Err(ParameterError::TooLarge(bound.to_owned()));
    }
    Ok(Some((number, units)))
}

/// The value of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldValue {
    pub field: String,
    pub value: String,
}

/// Mistakes in a condition for a field.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("write FIELD=VALUE, such as instrument.name=ID29")]
pub struct FieldValueError;

impl FromStr for FieldValue {
    type Err = FieldValueError;

    fn from_str(condition: &str) -> Result<Self, FieldValueError> {
        let (field, value) = condition.split_once('=').ok_or(FieldValueError)?;
        let (field, value) = (field.trim(), value.trim());
        if field.is_empty() || value.is_empty() {
            return Err(FieldValueError);
        }
        Ok(Self { field: field.to_owned(), value: value.to_owned() })
    }
}

/// Where a period begins or ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DayOrMoment {
    /// In the time zone of the facility, which the service knows.
    Day(Date),
    Moment(Timestamp),
}

/// Mistakes in a day or moment.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("write a day such as 2025-01-31, or a moment such as 2025-01-31T12:00:00Z")]
pub struct DayError;

impl FromStr for DayOrMoment {
    type Err = DayError;

    fn from_str(text: &str) -> Result<Self, DayError> {
        if let Ok(moment) = text.parse() {
            return Ok(Self::Moment(moment));
        }
        // A time without a zone would be left out.
        let day: Option<Date> = text.parse().ok().filter(|day: &Date| day.to_string() == text);
        day.map(Self::Day).ok_or(DayError)
    }
}

impl DayOrMoment {
    /// The first day or moment of the period that begins with this one.
    pub fn render_first(self) -> String {
        match self {
            Self::Day(day) => day.to_string(),
            Self::Moment(moment) => moment.to_string(),
        }
    }

    /// The last day or millisecond before this one.
    pub fn render_previous(self) -> Result<String, DayError> {
        match self {
            Self::Day(day) => day.yesterday().map(|day| day.to_string()).map_err(|_| DayError),
            Self::Moment(moment) => {
                moment.checked_sub(1.millisecond()).map(|moment| moment.to_string()).map_err(|_| DayError)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse_condition(condition: &str) -> Result<ParameterCondition, ParameterError> {
        condition.parse()
    }

    #[test]
    fn ranges_texts_and_names_are_conditions() {
        type Expected<'a> = (&'a str, Option<f64>, Option<f64>, Option<&'a str>, Option<&'a str>);
        let cases: [(&str, Expected<'_>); 17] = [
            ("temperature:4..10K", ("temperature", Some(4.0), Some(10.0), Some("K"), None)),
            ("temperature:4..", ("temperature", Some(4.0), None, None, None)),
            ("temperature:4K..", ("temperature", Some(4.0), None, Some("K"), None)),
            ("temperature:..10K", ("temperature", None, Some(10.0), Some("K"), None)),
            ("temperature:4K..10K", ("temperature", Some(4.0), Some(10.0), Some("K"), None)),
            ("temperature:-273.15..-268.5 degC", ("temperature", Some(-273.15), Some(-268.5), Some("degC"), None)),
            ("energy:10..12.7keV", ("energy", Some(10.0), Some(12.7), Some("keV"), None)),
            ("energy:1e3..2E+4eV", ("energy", Some(1000.0), Some(20_000.0), Some("eV"), None)),
            ("energy:1..2eV", ("energy", Some(1.0), Some(2.0), Some("eV"), None)),
            ("q: .5 .. 1. 1/Å ", ("q", Some(0.5), Some(1.0), Some("1/Å"), None)),
            ("q:4...5e1", ("q", Some(4.0), Some(5.0), None, None)),
            ("exposure time:0.1..0.1 s", ("exposure time", Some(0.1), Some(0.1), Some("s"), None)),
            ("detector:distance:..200mm", ("detector:distance", None, Some(200.0), Some("mm"), None)),
            ("a:b:..", ("a:b", Some(f64::MIN), None, None, None)),
            ("mode:=fast", ("mode", None, None, None, Some("fast"))),
            ("mode:=4..10K: x", ("mode", None, None, None, Some("4..10K: x"))),
            ("temperature", ("temperature", None, None, None, None)),
        ];
        for (condition, (name, from, to, units, text)) in cases {
            let [units, text] = [units, text].map(|text| text.map(str::to_owned));
            let expected = ParameterCondition { name: name.to_owned(), from, to, units, text };
            assert_eq!(parse_condition(condition), Ok(expected), "{condition}");
        }
    }

    #[test]
    fn mistakes_are_named_with_an_example() {
        for (condition, expected) in [
            ("", "the name of the parameter is missing"),
            (":4..10", "the name of the parameter is missing"),
            (" :=fast", "the name of the parameter is missing"),
            ("mode:=", "the text after := is missing"),
            ("temperature:", "`` is not a range"),
            ("temperature:cold", "`cold` is not a range"),
            ("temperature:4-10K", "`4-10K` is one number"),
            ("temperature:4K", "`4K` is one number"),
            ("temperature:4..K", "`K` does not begin with a number"),
            ("temperature:four..10", "`four` does not begin with a number"),
            ("temperature:inf..", "`inf` does not begin with a number"),
            ("temperature:NaN..", "`NaN` does not begin with a number"),
            ("temperature:..1e999", "`1e999` is too large"),
            ("temperature:4K..10", "the units are those of the last number"),
            ("temperature:4K..10mK", "both numbers need the same units"),
            ("temperature:10..4K", "the range begins with 10 and ends with 4"),
            ("temperature:-..4", "`-` does not begin with a number"),
            ("temperature:...", "`.` does not begin with a number"),
        ] {
            let error = parse_condition(condition).unwrap_err();
            assert!(error.to_string().starts_with(expected), "{condition}: {error}");
            if !matches!(error, ParameterError::TooLarge(_)) {
                let example = error.to_string().contains("temperature:4..") || error.to_string().contains("mode:=fast");
                assert!(example, "{condition}: {error}");
            }
        }
    }

    proptest! {
        #[test]
        fn a_range_is_read_as_it_is_written(from in -1e12..1e12, to in -1e12..1e12, units in "(|K|mK|eV|1/Å|e3 m|°C)") {
            let (from, to): (f64, f64) = if from <= to { (from, to) } else { (to, from) };
            let expected = ParameterCondition {
                name: "x".to_owned(),
                from: Some(from),
                to: Some(to),
                units: Some(units.clone()).filter(|units| !units.is_empty()),
                text: None,
            };
            prop_assert_eq!(parse_condition(&format!("x:{from}..{to} {units}")), Ok(expected.clone()));
            prop_assert_eq!(parse_condition(&format!("x:{from:e}..{to:e} {units}")), Ok(expected));
        }

        #[test]
        fn no_text_makes_the_parser_panic(condition in "\\PC*") {
            let _parsed = parse_condition(&format!("x:{condition}"));
        }
    }

    #[test]
    fn a_field_has_a_value() {
        let parsed: FieldValue = "sample.name = crystal=7 ".parse().unwrap();
        assert_eq!((parsed.field.as_str(), parsed.value.as_str()), ("sample.name", "crystal=7"));
        for mistake in ["", "instrument.name", "instrument.name=", "=ID29"] {
            let error = mistake.parse::<FieldValue>().unwrap_err().to_string();
            assert!(error.contains("instrument.name=ID29"), "{mistake}");
        }
    }

    #[test]
    fn a_period_ends_before_its_last_day_or_moment() {
        let previous = |text: &str| text.parse::<DayOrMoment>().unwrap().render_previous().unwrap();
        assert_eq!(previous("2025-03-01"), "2025-02-28");
        assert_eq!(previous("2025-03-01T12:00:00+01:00"), "2025-03-01T10:59:59.999Z");
        assert_eq!("2025-03-01".parse::<DayOrMoment>().unwrap().render_first(), "2025-03-01");
        for mistake in ["yesterday", "2025-02-30", "2025", "20250301", "2025-03-01T12:00", ""] {
            assert!(mistake.parse::<DayOrMoment>().unwrap_err().to_string().contains("2025-01-31"), "{mistake}");
        }
    }
}
