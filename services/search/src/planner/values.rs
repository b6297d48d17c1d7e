//! Numbers and dates in the text of a query, such as `fileSize:>10` and `date:2024`.

use std::ops::Bound;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

use super::text::FieldCondition;
use crate::domain::days::{find_end_before, find_start_of_day};
use crate::error::Error;

/// Inclusive bounds. A year, a month or a day stands for all its moments in the zone of the facility.
pub fn parse_integer_range(field: &str, leaf: &FieldCondition<'_>, zone: &TimeZone) -> Result<(i64, i64), Error> {
    let parse = |text: &str| parse_integer_or_date(field, text, zone);
    let (low, high) = match leaf {
        FieldCondition::Word(text) | FieldCondition::Phrase(text, _) => return parse(text),
        FieldCondition::Range(low, high) => (*low, *high),
        _ => return Err(needs_value(field)),
    };
    let low = match low {
        Bound::Included(text) => parse(text)?.0,
        Bound::Excluded(text) => parse(text)?.1.saturating_add(1),
        Bound::Unbounded => i64::MIN,
    };
    let high = match high {
        Bound::Included(text) => parse(text)?.1,
        Bound::Excluded(text) => parse(text)?.0.saturating_sub(1),
        Bound::Unbounded => i64::MAX,
    };
    Ok((low, high))
}

/// Inclusive bounds.
pub fn parse_number_range(field: &str, leaf: &FieldCondition<'_>) -> Result<(f64, f64), Error> {
    let parse = |text: &str| {
        let number: Option<f64> = text.parse().ok().filter(|number: &f64| !number.is_nan());
        number.ok_or_else(|| Error::Query(format!("`{text}` is not a number (field {field})")))
    };
    let (low, high) = match leaf {
        FieldCondition::Word(text) | FieldCondition::Phrase(text, _) => {
            return parse(text).map(|number| (number, number));
        }
        FieldCondition::Range(low, high) => (*low, *high),
        _ => return Err(needs_value(field)),
    };
    let low = match low {
        Bound::Included(text) => parse(text)?,
        Bound::Excluded(text) => parse(text)?.next_up(),
        Bound::Unbounded => f64::NEG_INFINITY,
    };
    let high = match high {
        Bound::Included(text) => parse(text)?,
        Bound::Excluded(text) => parse(text)?.next_down(),
        Bound::Unbounded => f64::INFINITY,
    };
    Ok((low, high))
}

fn needs_value(field: &str) -> Error {
    Error::Query(format!("{field} has numbers: use {field}:10, {field}:>10 or {field}:[10 TO 20]"))
}

fn is_date(field: &str) -> bool {
    field == "date" || field.ends_with("Date") || field == "dateTimeValue"
}

fn parse_integer_or_date(field: &str, text: &str, zone: &TimeZone) -> Result<(i64, i64), Error> {
    if is_date(field) {
        let refused =
            || Error::Query(format!("`{text}` is not a date (field {field}); write 2024, 2024-03 or 2024-03-15"));
        return parse_period(text, zone).ok_or_else(refused);
    }
    let number: i64 =
        text.parse().map_err(|_| Error::Query(format!("`{text}` is not a whole number (field {field})")))?;
    Ok((number, number))
}

/// The first and the last millisecond of a year, a month, a day or a moment.
fn parse_period(text: &str, zone: &TimeZone) -> Option<(i64, i64)> {
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Some((moment.as_millisecond(), moment.as_millisecond()));
    }
    let parts: Vec<&str> = text.split('-').collect();
    let (start, span) = match parts.as_slice() {
        [year] if year.len() == 4 => (format!("{text}-01-01"), 1.year()),
        [year, month] if year.len() == 4 && month.len() == 2 => (format!("{text}-01"), 1.month()),
        [year, month, day] if year.len() == 4 && month.len() == 2 && day.len() == 2 => (text.to_owned(), 1.day()),
        _ => return None,
    };
    let start = start.parse::<Date>().ok()?;
    Some((find_start_of_day(start, zone), find_end_before(start.checked_add(span).ok(), zone)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_stands_for_all_its_moments() {
        for (text, first, last) in [
            ("2024", 1_704_067_200_000, 1_735_689_599_999),
            ("2024-02", 1_706_745_600_000, 1_709_251_199_999),
            ("2024-02-29", 1_709_164_800_000, 1_709_251_199_999),
            ("9999-12-31", 253_402_214_400_000, 253_402_300_799_999),
            ("9999", 253_370_764_800_000, 253_402_300_799_999),
            ("2024-02-29T12:00:00Z", 1_709_208_000_000, 1_709_208_000_000),
        ] {
            assert_eq!(
                parse_integer_range("date", &FieldCondition::Word(text), &TimeZone::UTC).unwrap(),
                (first, last),
                "{text}"
            );
        }
        let year = "2024".to_owned();
        let range = parse_integer_range(
            "date",
            &FieldCondition::Range(&Bound::Excluded(year), &Bound::Unbounded),
            &TimeZone::UTC,
        )
        .unwrap();
        assert_eq!(range, (1_735_689_600_000, i64::MAX));
        assert!(parse_integer_range("date", &FieldCondition::Word("yesterday"), &TimeZone::UTC).is_err());
        let paris = TimeZone::get("Europe/Paris").unwrap();
        let day = parse_integer_range("date", &FieldCondition::Word("2024-02-29"), &paris).unwrap();
        assert_eq!(day, (1_709_164_800_000 - 3_600_000, 1_709_251_199_999 - 3_600_000));
    }

    #[test]
    fn numbers_have_open_and_closed_bounds() {
        let (low, high) = (Bound::Included("1".to_owned()), Bound::Excluded("10".to_owned()));
        assert_eq!(
            parse_integer_range("fileSize", &FieldCondition::Range(&low, &high), &TimeZone::UTC).unwrap(),
            (1, 9)
        );
        assert_eq!(parse_number_range("numericValue", &FieldCondition::Word("4.5")).unwrap(), (4.5, 4.5));
        assert!(parse_integer_range("fileSize", &FieldCondition::Prefix("1"), &TimeZone::UTC).is_err());
    }
}
