//! Times and days as clients send them; what has no zone is the facility's.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

use crate::error::Error;

/// Microseconds UTC of `2025-03-02T09:14:05.120+01:00`, or of the same without a zone.
pub fn time(name: &str, text: &str, zone: &TimeZone) -> Result<i64, Error> {
    let refused = || Error::bad(format!("{name} must be a time such as 2025-03-02T09:14:05+01:00, not {text}"));
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Ok(moment.as_microsecond());
    }
    let local: DateTime = text.parse().map_err(|_| refused())?;
    let moment = zone.to_timestamp(local).map_err(|_| refused())?;
    Ok(moment.as_microsecond())
}

/// The first moment of a day and of the next.
pub fn day(name: &str, text: &str, zone: &TimeZone) -> Result<(i64, i64), Error> {
    let refused = || Error::bad(format!("{name} must be a day such as 2025-03-02, not {text}"));
    let first: Date = text.parse().map_err(|_| refused())?;
    let next = first.checked_add(Span::new().days(1)).map_err(|_| refused())?;
    let start = |date: Date| {
        let moment = zone.to_timestamp(date.at(0, 0, 0, 0)).map_err(|_| refused())?;
        Ok::<i64, Error>(moment.as_microsecond())
    };
    Ok((start(first)?, start(next)?))
}

/// The day that a moment belongs to.
pub fn day_of(micros: i64, zone: &TimeZone) -> String {
    zone.to_datetime(Timestamp::from_microsecond(micros).unwrap_or_default()).date().to_string()
}

/// The starts of all days from one moment's to another's, and of the day after; at most those of a hundred years.
pub fn day_starts(first: i64, last: i64, zone: &TimeZone) -> Vec<i64> {
    const MOST: usize = 36_600;
    let date = |micros| zone.to_datetime(Timestamp::from_microsecond(micros).unwrap_or_default()).date();
    let end = date(last).tomorrow().unwrap_or(Date::MAX);
    let days = date(first).series(Span::new().days(1)).take_while(|day| *day <= end).take(MOST);
    days.filter_map(|day| zone.to_timestamp(day.at(0, 0, 0, 0)).ok()).map(Timestamp::as_microsecond).collect()
}

/// RFC 3339 in UTC.
pub fn shown(micros: i64) -> String {
    Timestamp::from_microsecond(micros).unwrap_or_default().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_without_a_zone_are_the_facilitys() {
        let zone = TimeZone::get("Europe/Paris").unwrap();
        let read = |text| time("t", text, &zone).map(shown).ok();
        assert_eq!(read("2025-03-02T09:14:05.120+01:00").as_deref(), Some("2025-03-02T08:14:05.12Z"));
        assert_eq!(read("2025-03-02T09:14:05.12").as_deref(), Some("2025-03-02T08:14:05.12Z"));
        assert_eq!(read("2025-03-02 09:14:05Z").as_deref(), Some("2025-03-02T09:14:05Z"));
        assert_eq!(read("yesterday"), None);
        let (from, to) = day("date", "2025-03-30", &zone).unwrap();
        assert_eq!((to - from) / 3_600_000_000, 23, "summer time begins");
        assert_eq!(day_of(from, &zone), "2025-03-30");
        assert!(day("date", "2025-02-30", &zone).is_err());
        let starts = day_starts(from + 5, to + 7, &zone);
        assert_eq!((starts.len(), starts[0], starts[1]), (3, from, to));
    }
}
