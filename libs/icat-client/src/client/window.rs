//! Time windows in ICAT's query language, which has whole seconds of the server's local time. When clocks are set back, a
//! local time is ambiguous, so a window then covers the whole ambiguous time.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

const STEP: SignedDuration = SignedDuration::from_mins(15);

/// From `start` up to, but excluding, `end`. Both are whole seconds with an unambiguous local time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) start: Timestamp,
    pub(super) end: Timestamp,
}

impl Window {
    /// The shortest window that contains the moment: one second, or more on nights on which clocks change.
    pub(super) fn containing(moment: Timestamp, zone: &TimeZone) -> Self {
        let second = whole_second(moment);
        let mut start = second;
        while is_ambiguous_time(start, zone) {
            start = start.checked_sub(STEP).unwrap_or(Timestamp::MIN);
        }
        let mut end = second.checked_add(SignedDuration::from_secs(1)).unwrap_or(Timestamp::MAX);
        while is_ambiguous_time(end, zone) {
            end = end.checked_add(STEP).unwrap_or(Timestamp::MAX);
        }
        Self { start, end }
    }

    pub(super) fn contains(&self, moment: Timestamp) -> bool {
        self.start <= moment && moment < self.end
    }
}

/// The local time of a bound of a window.
pub(super) fn to_local_time(bound: Timestamp, zone: &TimeZone) -> DateTime {
    zone.to_datetime(bound)
}

fn whole_second(moment: Timestamp) -> Timestamp {
    Timestamp::from_second(moment.as_millisecond().div_euclid(1000)).unwrap_or(Timestamp::MIN)
}

fn is_ambiguous_time(moment: Timestamp, zone: &TimeZone) -> bool {
    zone.to_ambiguous_timestamp(zone.to_datetime(moment)).is_ambiguous()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window_around(moment: &str, zone: &str) -> (String, String) {
        let zone = TimeZone::get(zone).unwrap();
        let window = Window::containing(moment.parse().unwrap(), &zone);
        (window.start.to_string(), window.end.to_string())
    }

    fn window_of(start: &str, end: &str) -> (String, String) {
        (start.to_owned(), end.to_owned())
    }

    #[test]
    fn a_window_is_a_second_long() {
        let expected = window_of("2026-01-12T09:00:00Z", "2026-01-12T09:00:01Z");
        assert_eq!(window_around("2026-01-12T09:00:00.999Z", "Europe/Paris"), expected);
        let before_1970 = window_of("1969-12-31T23:59:59Z", "1970-01-01T00:00:00Z");
        assert_eq!(window_around("1969-12-31T23:59:59.5Z", "UTC"), before_1970);
    }

    #[test]
    fn a_window_covers_the_hour_that_comes_twice() {
        // In Paris, 02:00 to 03:00 of 2026-10-25 are 00:00Z to 01:00Z and again 01:00Z to 02:00Z.
        for moment in ["2026-10-25T00:30:10Z", "2026-10-25T01:30:10Z"] {
            let (start, end) = window_around(moment, "Europe/Paris");
            assert!(start.as_str() < "2026-10-25T00:00:00Z" && end.as_str() >= "2026-10-25T02:00:00Z", "{start} {end}");
            for bound in [start, end] {
                assert!(!is_ambiguous_time(bound.parse().unwrap(), &TimeZone::get("Europe/Paris").unwrap()));
            }
        }
        let last = window_of("2026-10-24T23:59:59Z", "2026-10-25T02:14:59Z");
        let at_the_border = window_around("2026-10-24T23:59:59.5Z", "Europe/Paris");
        assert_eq!(at_the_border.0, last.0);
        assert!(at_the_border.1.as_str() >= "2026-10-25T02:00:00Z");
    }
}
