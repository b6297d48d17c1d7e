//! Times and days as clients send them; what has no zone is the facility's.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

use service_kit::Micros;

use crate::domain::invalid::Invalid;

/// The moment of `2025-03-02T09:14:05.120+01:00`, or of the same without a zone.
pub fn parse_time(name: &str, text: &str, zone: &TimeZone) -> Result<Micros, Invalid> {
    let refused = || Invalid::new(format!("{name} must be a time such as 2025-03-02T09:14:05+01:00, not {text}"));
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Ok(moment.into());
    }
    let local: DateTime = text.parse().map_err(|_| refused())?;
    let moment = zone.to_timestamp(local).map_err(|_| refused())?;
    Ok(moment.into())
}

/// The first moment of a day and of the next.
pub fn parse_day(name: &str, text: &str, zone: &TimeZone) -> Result<(Micros, Micros), Invalid> {
    let refused = || Invalid::new(format!("{name} must be a day such as 2025-03-02, not {text}"));
    let first: Date = text.parse().map_err(|_| refused())?;
    let next = first.checked_add(Span::new().days(1)).map_err(|_| refused())?;
    let start = |date: Date| {
        let moment = zone.to_timestamp(date.at(0, 0, 0, 0)).map_err(|_| refused())?;
        Ok::<Micros, Invalid>(moment.into())
    };
    Ok((start(first)?, start(next)?))
}

/// The day that a moment belongs to.
pub fn render_day(at: Micros, zone: &TimeZone) -> String {
    zone.to_datetime(at.to_timestamp()).date().to_string()
}

/// The starts of all days from one moment's to another's, and of the day after; at most those of a hundred years.
pub fn list_day_starts(first: Micros, last: Micros, zone: &TimeZone) -> Vec<Micros> {
    const MAX_DAYS: usize = 36_600;
    let date = |at: Micros| zone.to_datetime(at.to_timestamp()).date();
    let end = date(last).tomorrow().unwrap_or(Date::MAX);
    let days = date(first).series(Span::new().days(1)).take_while(|day| *day <= end).take(MAX_DAYS);
    days.filter_map(|day| zone.to_timestamp(day.at(0, 0, 0, 0)).ok()).map(Micros::from).collect()
}

/// RFC 3339 in UTC.
pub fn render_time(at: Micros) -> String {
    at.to_timestamp().to_string()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn times_without_a_zone_are_the_facilitys() {
        let zone = TimeZone::get("Europe/Paris").unwrap();
        let read = |text| parse_time("t", text, &zone).map(render_time).ok();
        assert_eq!(read("2025-03-02T09:14:05.120+01:00").as_deref(), Some("2025-03-02T08:14:05.12Z"));
        assert_eq!(read("2025-03-02T09:14:05.12").as_deref(), Some("2025-03-02T08:14:05.12Z"));
        assert_eq!(read("2025-03-02 09:14:05Z").as_deref(), Some("2025-03-02T09:14:05Z"));
        assert_eq!(read("yesterday"), None);
        let (from, to) = parse_day("date", "2025-03-30", &zone).unwrap();
        assert_eq!(to.duration_since(from).as_secs() / 3600, 23, "summer time begins");
        assert_eq!(render_day(from, &zone), "2025-03-30");
        assert!(parse_day("date", "2025-02-30", &zone).is_err());
        let starts = list_day_starts(from + Duration::from_micros(5), to + Duration::from_micros(7), &zone);
        assert_eq!((starts.len(), starts[0], starts[1]), (3, from, to));
    }
}
