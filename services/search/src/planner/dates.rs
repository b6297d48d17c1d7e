//! Bounds of dates, as icat.server and portals write them.

use jiff::civil::DateTime;
use jiff::fmt::strtime;
use jiff::tz::TimeZone;
use serde_json::Value;

use super::json_type::name_json_type;
use crate::error::Error;

const MINUTE_MS: i64 = 60_000;
/// `DataGateway` writes an open bound as the year 1 or 9000 with a further digit.
const OPEN_BOUND_DIGITS: usize = 13;

/// Milliseconds since 1970.
pub fn parse_lower_bound(value: &Value) -> Result<i64, Error> {
    parse_bound(value, 0, i64::MIN)
}

/// Milliseconds since 1970, at the end of the minute.
pub fn parse_upper_bound(value: &Value) -> Result<i64, Error> {
    parse_bound(value, MINUTE_MS - 1, i64::MAX)
}

fn parse_bound(value: &Value, rest_of_minute: i64, open: i64) -> Result<i64, Error> {
    match value {
        Value::String(text) if text.len() == OPEN_BOUND_DIGITS && text.bytes().all(|c| c.is_ascii_digit()) => Ok(open),
        Value::String(text) => {
            let refused = || Error::Query(format!("Could not parse date {text} using expected format yyyyMMddHHmm"));
            if text.len() != 12 || !text.bytes().all(|c| c.is_ascii_digit()) {
                return Err(refused());
            }
            let date: DateTime =
                strtime::parse("%Y%m%d%H%M", text).and_then(|parsed| parsed.to_datetime()).map_err(|_| refused())?;
            let moment = TimeZone::UTC.to_timestamp(date).map_err(|_| refused())?;
            Ok(moment.as_millisecond().saturating_add(rest_of_minute))
        }
        Value::Number(number) => number.as_i64().ok_or_else(|| {
            Error::Query(format!("Dates that are numbers must be whole milliseconds, but got {number}"))
        }),
        other => {
            let kind = name_json_type(other);
            Err(Error::Query(format!("Dates should be represented by a NUMBER or STRING JsonValue, but got {kind}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn bounds_are_minutes_in_utc_or_milliseconds() {
        assert_eq!(parse_lower_bound(&json!("201001010000")).unwrap(), 1_262_304_000_000);
        assert_eq!(parse_upper_bound(&json!("201112312359")).unwrap(), 1_325_375_999_999);
        assert_eq!(parse_upper_bound(&json!(1_000)).unwrap(), 1_000);
        assert_eq!(parse_lower_bound(&json!("0000001010000")).unwrap(), i64::MIN);
        assert_eq!(parse_upper_bound(&json!("9000012312359")).unwrap(), i64::MAX);
    }

    #[test]
    fn other_dates_are_refused() {
        for (value, expected) in [
            (json!("2010"), "Could not parse date 2010 using expected format yyyyMMddHHmm"),
            (json!("2024-01-01"), "Could not parse date 2024-01-01 using expected format yyyyMMddHHmm"),
            (json!("201013010000"), "Could not parse date 201013010000 using expected format yyyyMMddHHmm"),
            (json!(1.5), "Dates that are numbers must be whole milliseconds, but got 1.5"),
            (json!(true), "Dates should be represented by a NUMBER or STRING JsonValue, but got TRUE"),
        ] {
            assert_eq!(parse_lower_bound(&value).unwrap_err().to_string(), expected);
        }
    }
}
