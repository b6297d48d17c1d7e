//! Bounds of a period: whole days in the zone of the facility, or moments.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::domain::days::{find_end_before, find_start_of_day};
use crate::error::Error;

/// The first millisecond of the period that begins with this day or moment.
pub fn parse_from(text: &str, zone: &TimeZone) -> Result<i64, Error> {
    match parse_day(text, zone)? {
        Bound::Day(first, _) => Ok(first),
        Bound::Moment(at) => Ok(at),
    }
}

/// The last millisecond of the period that ends with this day or moment.
pub fn parse_until(text: &str, zone: &TimeZone) -> Result<i64, Error> {
    match parse_day(text, zone)? {
        Bound::Day(_, last) => Ok(last),
        Bound::Moment(at) => Ok(at),
    }
}

enum Bound {
    /// Its first and its last millisecond.
    Day(i64, i64),
    Moment(i64),
}

fn parse_day(text: &str, zone: &TimeZone) -> Result<Bound, Error> {
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Ok(Bound::Moment(moment.as_millisecond()));
    }
    let refused =
        || Error::Query(format!("`{text}` is not a day such as 2025-03-01 or a moment such as 2025-03-01T12:00:00Z"));
    let day: Date = text.parse().map_err(|_| refused())?;
    Ok(Bound::Day(find_start_of_day(day, zone), find_end_before(day.tomorrow().ok(), zone)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_that_of_the_facility() {
        let zone = TimeZone::get("Europe/Paris").unwrap();
        // The day on which summer time begins has 23 hours.
        let (from, until) = (parse_from("2025-03-30", &zone).unwrap(), parse_until("2025-03-30", &zone).unwrap());
        assert_eq!(Timestamp::from_millisecond(from).unwrap().to_string(), "2025-03-29T23:00:00Z");
        assert_eq!(until - from + 1, 23 * 3_600_000);
        assert_eq!(
            parse_until("2025-03-30T10:00:00Z", &zone).unwrap(),
            parse_from("2025-03-30T12:00:00+02:00", &zone).unwrap()
        );
        assert!(parse_until("9999-12-31", &zone).unwrap() > parse_from("9999-12-31", &zone).unwrap());
        for text in ["yesterday", "2025-02-30", "2025", ""] {
            assert!(parse_from(text, &zone).unwrap_err().to_string().contains("is not a day"), "{text}");
        }
    }
}
