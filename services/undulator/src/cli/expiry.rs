//! When something expires, as it is written on the command line.

use std::str::FromStr;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Time;
use jiff::tz::TimeZone;
use thiserror::Error;

use super::search_conditions::DayOrMoment;

/// A day, a moment, or a time from now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expiry {
    At(Timestamp),
    After(Duration),
}

/// Mistakes in an expiry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("write a day such as 2027-01-31, a moment such as 2027-01-31T12:00:00Z, or a time from now such as 365days")]
pub struct ExpiryError;

impl FromStr for Expiry {
    type Err = ExpiryError;

    /// A day means its beginning (UTC).
    fn from_str(text: &str) -> Result<Self, ExpiryError> {
        match text.parse() {
            Ok(DayOrMoment::Moment(moment)) => Ok(Self::At(moment)),
            Ok(DayOrMoment::Day(day)) => {
                let begins = TimeZone::UTC.to_timestamp(day.to_datetime(Time::midnight())).map_err(|_| ExpiryError)?;
                Ok(Self::At(begins))
            }
            Err(_) => humantime::parse_duration(text).map(Self::After).map_err(|_| ExpiryError),
        }
    }
}

impl Expiry {
    pub fn find_moment(self, now: Timestamp) -> Result<Timestamp, ExpiryError> {
        match self {
            Self::At(moment) => Ok(moment),
            Self::After(duration) => now.checked_add(duration).map_err(|_| ExpiryError),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_moments_and_durations_are_understood() {
        let now: Timestamp = "2026-01-12T09:00:00Z".parse().unwrap();
        let find = |text: &str| text.parse::<Expiry>().unwrap().find_moment(now).unwrap().to_string();
        assert_eq!(find("2027-01-31"), "2027-01-31T00:00:00Z");
        assert_eq!(find("2027-01-31T12:00:00+01:00"), "2027-01-31T11:00:00Z");
        assert_eq!(find("30days"), "2026-02-11T09:00:00Z");
        assert_eq!(find("1h 30m"), "2026-01-12T10:30:00Z");
        for mistake in ["", "tomorrow", "2027-02-30", "365", "2027-01-31T12:00"] {
            assert_eq!(mistake.parse::<Expiry>(), Err(ExpiryError), "{mistake}");
        }
        assert_eq!("100000years".parse::<Expiry>().unwrap().find_moment(now), Err(ExpiryError));
    }
}
