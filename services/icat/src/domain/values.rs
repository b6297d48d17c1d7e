//! Parses and renders values in ICAT's JSON.

use std::ops::Range;

use icat_client::schema::{Field, FieldKind};
use jiff::fmt::temporal::DateTimeParser;
use jiff::tz::{Offset, TimeZone};
use serde_json::Value;
use service_kit::{Micros, Val};

/// Appends a JSON string; only quotes, backslashes and control characters are escaped, as in icat.server.
pub fn append_json_string(out: &mut String, text: &str) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.push('"');
    let mut rest = text;
    while let Some(place) = find_character_to_escape(rest.as_bytes()) {
        let byte = rest.as_bytes()[place];
        out.push_str(&rest[..place]);
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            0x08 => out.push_str("\\b"),
            b'\t' => out.push_str("\\t"),
            b'\n' => out.push_str("\\n"),
            0x0c => out.push_str("\\f"),
            b'\r' => out.push_str("\\r"),
            _ => {
                out.push_str("\\u00");
                out.push(char::from(HEX[usize::from(byte >> 4)]));
                out.push(char::from(HEX[usize::from(byte & 15)]));
            }
        }
        rest = &rest[place + 1..];
    }
    out.push_str(rest);
    out.push('"');
}

/// Where the first character stands that a JSON string must escape. All of them are ASCII.
fn find_character_to_escape(bytes: &[u8]) -> Option<usize> {
    /// The compiler compares as many bytes at once.
    const BLOCK: usize = 16;
    let must_escape = |byte: u8| byte < 0x20 || byte == b'"' || byte == b'\\';
    for (n, block) in bytes.chunks(BLOCK).enumerate() {
        if block.iter().fold(false, |found, byte| found | must_escape(*byte)) {
            return block.iter().position(|byte| must_escape(*byte)).map(|place| n * BLOCK + place);
        }
    }
    None
}

/// Appends an integer.
pub fn append_integer(out: &mut String, number: i64) {
    out.push_str(itoa::Buffer::new().format(number));
}

/// Appends a moment as ICAT writes it, in UTC: `2026-01-12T09:00:00.000Z`.
pub fn append_date(out: &mut String, moment: Micros) {
    let timestamp = moment.to_timestamp();
    let date = Offset::UTC.to_datetime(timestamp);
    let Ok(year) = u16::try_from(date.year()) else {
        out.push_str(&timestamp.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string());
        return;
    };
    let mut text = *b"0000-00-00T00:00:00.000Z";
    let mut write_digits = |range: Range<usize>, number: u16| {
        let mut rest = number;
        for digit in text[range].iter_mut().rev() {
            *digit = b'0' + u8::try_from(rest % 10).unwrap_or_default();
            rest /= 10;
        }
    };
    let part = |number: i8| u16::try_from(number).unwrap_or_default();
    write_digits(0..4, year);
    write_digits(5..7, part(date.month()));
    write_digits(8..10, part(date.day()));
    write_digits(11..13, part(date.hour()));
    write_digits(14..16, part(date.minute()));
    write_digits(17..19, part(date.second()));
    write_digits(20..23, u16::try_from(date.millisecond()).unwrap_or_default());
    out.push_str(str::from_utf8(&text).unwrap_or_default());
}

/// Formats a moment as ICAT does, in UTC: `2026-01-12T09:00:00.000Z`.
pub fn format_date(moment: Micros) -> String {
    let mut text = String::with_capacity(24);
    append_date(&mut text, moment);
    text
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
    fn strings_escape_what_json_requires_and_nothing_else() {
        let mut texts: Vec<String> = (0..=0xff_u8).map(|byte| format!("before{}behind", char::from(byte))).collect();
        texts.extend([0, 1, 15, 16, 17, 31, 32, 33].map(|length| "a".repeat(length)));
        texts.extend([0, 15, 16, 17, 40].map(|length| format!("{}\"\\\n\u{1f}é\u{2028}𝄞", "ü".repeat(length))));
        for text in texts {
            let mut rendered = String::new();
            append_json_string(&mut rendered, &text);
            assert_eq!(rendered, serde_json::to_string(&text).unwrap());
        }
    }

    /// Compared with another implementation, on every day of 800 years, the ends of the range, and moments between.
    #[test]
    fn dates_of_all_years_are_rendered() {
        const DAY: i64 = 86_400_000_000;
        let days = (-400 * 365..400 * 365).map(|day| day * DAY + day * 7_919_993);
        let ends =
            [i64::MIN, -377_705_023_201_000_000, -62_167_219_200_000_001, -62_167_219_200_000_000, -1, 0, i64::MAX];
        for micros in days.chain(ends) {
            let moment = Micros::from_i64(micros);
            let expected = moment.to_timestamp().strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string();
            assert_eq!(format_date(moment), expected, "{micros}");
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
