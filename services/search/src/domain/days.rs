//! When days begin and end.

use jiff::civil::{Date, Time, date};
use jiff::tz::TimeZone;

const DAY_MS: i64 = 86_400_000;

/// The first millisecond of a day since 1970, in a time zone. At the ends of the calendar, where moments cannot be computed in every
/// zone, that of UTC.
pub fn find_start_of_day(day: Date, zone: &TimeZone) -> i64 {
    match zone.to_timestamp(day.to_datetime(Time::midnight())) {
        Ok(moment) => moment.as_millisecond(),
        Err(_) => i64::try_from(day.duration_since(date(1970, 1, 1)).as_millis()).unwrap_or_default(),
    }
}

/// The last millisecond before a day; after the last day of the calendar, of that day.
pub fn find_end_before(next: Option<Date>, zone: &TimeZone) -> i64 {
    match next {
        Some(next) => find_start_of_day(next, zone) - 1,
        None => find_start_of_day(Date::MAX, &TimeZone::UTC) + DAY_MS - 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_day_of_the_calendar_has_an_end() {
        for zone in [TimeZone::UTC, TimeZone::get("Europe/Paris").unwrap(), TimeZone::get("America/New_York").unwrap()]
        {
            let last = find_start_of_day(Date::MAX, &zone);
            assert!((last - 253_402_214_400_000).abs() <= DAY_MS, "{last}");
            assert!(find_end_before(None, &zone) > last);
        }
        assert_eq!(find_end_before(Some(date(1970, 1, 2)), &TimeZone::UTC), DAY_MS - 1);
    }
}
