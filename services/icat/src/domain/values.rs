//! Parses and renders values in ICAT's JSON.

use icat_client::schema::{Field, FieldKind};
use jiff::fmt::temporal::DateTimeParser;
use jiff::tz::TimeZone;
use serde_json::Value;
use service_kit::{Micros, Val};

/// Appends a stored attribute as JSON; `None` for NULL, which entities omit and columns show as `null`.
pub fn append_json_value(out: &mut String, kind: FieldKind, val: &Val) -> Option<()> {
    match (kind, val) {
        (FieldKind::Boolean, Val::I64(v)) => out.push_str(if v.unwrap_or(0) == 0 { "false" } else { "true" }),
        (FieldKind::Date, Val::I64(Some(v))) => append_json_string(out, &format_date(Micros::from_i64(*v))),
        (FieldKind::Enum(def), Val::I64(Some(v))) => {
            let name = usize::try_from(*v).ok().and_then(|place| def.values.get(place));
            append_json_string(out, name.copied().unwrap_or_default());
        }
        (_, Val::I64(Some(v))) => out.push_str(&v.to_string()),
        (_, Val::F64(Some(v))) => out.push_str(&format_java_double(*v)),
        (_, Val::Text(Some(v))) => append_json_string(out, v),
        _ => return None,
    }
    Some(())
}

/// Appends a JSON string; only quotes, backslashes and control characters are escaped, as in icat.server.
pub fn append_json_string(out: &mut String, text: &str) {
    // Serialising a string into memory cannot fail.
    out.push_str(&serde_json::to_string(text).unwrap_or_default());
}

/// Formats a moment as ICAT does, in UTC: `2026-01-12T09:00:00.000Z`.
pub fn format_date(moment: Micros) -> String {
    moment.to_timestamp().strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// Formats a number as Java does: at least one decimal, an exponent from 1e7 on and below 1e-3.
pub fn format_java_double(v: f64) -> String {
    if !v.is_finite() {
        return "null".to_owned();
    }
    let magnitude = v.abs();
    if magnitude == 0.0 || (1e-3..1e7).contains(&magnitude) {
        return format!("{v:?}");
    }
    let text = format!("{v:e}");
    match text.split_once('e') {
        Some((digits, exponent)) if digits.contains('.') => format!("{digits}E{exponent}"),
        Some((digits, exponent)) => format!("{digits}.0E{exponent}"),
        None => text,
    }
}

/// Why a JSON value does not fit an attribute.
#[derive(Debug, PartialEq, Eq)]
pub enum ValueMismatch {
    /// A value of another type, such as a string instead of a number.
    Kind(&'static str),
    /// Not a valid date.
    Date,
    /// Not a value of the enumeration.
    Enum,
    /// Neither true nor false.
    Boolean,
}

/// Parses the JSON value of an attribute; `null` is NULL.
pub fn parse_json_value(field: &Field, value: &Value) -> Result<Val, ValueMismatch> {
    let null = value.is_null();
    match field.kind {
        FieldKind::String if null => Ok(Val::Text(None)),
        FieldKind::String => value.as_str().map(Val::from).ok_or(ValueMismatch::Kind("a string")),
        FieldKind::Double if null => Ok(Val::F64(None)),
        FieldKind::Double => value.as_f64().map(Val::from).ok_or(ValueMismatch::Kind("a number")),
        FieldKind::Boolean => value.as_bool().map(Val::from).ok_or(ValueMismatch::Boolean),
        _ if null => Ok(Val::I64(None)),
        FieldKind::Long => parse_whole_number(value).map(Val::from).ok_or(ValueMismatch::Kind("an integer")),
        FieldKind::Integer => {
            let fits = parse_whole_number(value).filter(|v| i32::try_from(*v).is_ok());
            fits.map(Val::from).ok_or(ValueMismatch::Kind("an integer of 32 bits"))
        }
        FieldKind::Date => {
            let text = value.as_str().ok_or(ValueMismatch::Date)?;
            parse_date(text).map(Val::from).ok_or(ValueMismatch::Date)
        }
        FieldKind::Enum(def) => {
            let text = value.as_str().ok_or(ValueMismatch::Enum)?;
            let place =
                def.values.iter().position(|name| name.eq_ignore_ascii_case(text)).ok_or(ValueMismatch::Enum)?;
            Ok(Val::I64(i64::try_from(place).ok()))
        }
    }
}

/// Parses an integer, which may be written as `5.0`.
fn parse_whole_number(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_f64().and_then(to_exact_i64))
}

/// Converts a number without decimals, if it fits into 64 bits.
#[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
pub fn to_exact_i64(number: f64) -> Option<i64> {
    const BEYOND: f64 = 9_223_372_036_854_775_808.0;
    (number.fract() == 0.0 && (-BEYOND..BEYOND).contains(&number)).then_some(number as i64)
}

/// Parses an RFC 3339 date; a time zone is required.
pub fn parse_date(text: &str) -> Option<Micros> {
    static PARSER: DateTimeParser = DateTimeParser::new();
    PARSER.parse_timestamp(text).ok().map(Micros::from)
}

/// The start of a moment's day in a zone.
pub fn start_of_day(moment: Micros, zone: &TimeZone) -> Micros {
    let local = moment.to_timestamp().to_zoned_datetime(zone.clone());
    local.start_of_day().map_or(moment, |start| Micros::from(start.timestamp()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_look_like_java() {
        let expected = [
            (73.0, "73.0"),
            (0.0, "0.0"),
            (1e7, "1.0E7"),
            (12_345_678.9, "1.23456789E7"),
            (5e-4, "5.0E-4"),
            (0.001, "0.001"),
            (-17.333_333_333_333_332, "-17.333333333333332"),
            (9_999_999.0, "9999999.0"),
            (f64::NAN, "null"),
        ];
        for (number, text) in expected {
            assert_eq!(format_java_double(number), text);
        }
    }

    #[test]
    fn whole_numbers_may_have_a_point() {
        for (json, expected) in [
            ("5.0", Some(5)),
            ("1000", Some(1000)),
            ("-1.0", Some(-1)),
            ("5.5", None),
            ("\"5\"", None),
            ("9223372036854775807", Some(i64::MAX)),
            ("9223372036854775808", None),
            ("-1e300", None),
        ] {
            assert_eq!(parse_whole_number(&serde_json::from_str(json).unwrap()), expected, "{json}");
        }
    }

    #[test]
    fn moments_are_in_utc_with_milliseconds_and_come_in_any_zone() {
        assert_eq!(format_date(Micros::from_i64(1_400_259_506_120_999)), "2014-05-16T16:58:26.120Z");
        assert_eq!(parse_date("2014-05-16T17:58:26.120+01:00"), Some(Micros::from_i64(1_400_259_506_120_000)));
        assert_eq!(parse_date("2014-05-16T16:58:26Z"), Some(Micros::from_i64(1_400_259_506_000_000)));
        assert_eq!(parse_date("2014-05-16"), None);
        assert_eq!(parse_date("2014-05-16T16:58:26"), None);
    }
}
