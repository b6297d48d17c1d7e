//! A moment as databases keep it.

use std::fmt;
use std::ops::{Add, Sub};
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Microseconds since 1970-01-01T00:00:00Z, as BIGINT columns keep moments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Micros(i64);

impl Micros {
    pub const MIN: Self = Self(i64::MIN);
    pub const MAX: Self = Self(i64::MAX);

    /// A moment that is counted in microseconds since 1970-01-01T00:00:00Z.
    pub const fn from_i64(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since 1970-01-01T00:00:00Z.
    pub const fn as_i64(self) -> i64 {
        self.0
    }

    /// The same moment as a timestamp; one outside of jiff's range (years -9999 to 9999) is the nearest inside.
    pub fn to_timestamp(self) -> Timestamp {
        Timestamp::from_microsecond(self.0).unwrap_or(if self.0 < 0 { Timestamp::MIN } else { Timestamp::MAX })
    }

    /// How long after `earlier` this is; zero where it is not after it.
    pub fn duration_since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl From<Timestamp> for Micros {
    fn from(moment: Timestamp) -> Self {
        Self(moment.as_microsecond())
    }
}

/// Ends at the last moment that can be kept.
impl Add<Duration> for Micros {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)))
    }
}

/// Ends at the first moment that can be kept.
impl Sub<Duration> for Micros {
    type Output = Self;

    fn sub(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)))
    }
}

/// RFC 3339 in UTC.
impl fmt::Display for Micros {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_timestamp().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_ends_at_the_limits() {
        let hour = Duration::from_hours(1);
        assert_eq!(Micros::MAX + hour, Micros::MAX);
        assert_eq!(Micros::MIN - hour, Micros::MIN);
        assert_eq!((Micros::from_i64(7) + hour).duration_since(Micros::from_i64(7)), hour);
        assert_eq!(Micros::from_i64(7).duration_since(Micros::from_i64(8)), Duration::ZERO);
    }

    #[test]
    fn timestamps_come_back() {
        let moment: Timestamp = "2026-11-29T01:02:03.000004Z".parse().unwrap();
        assert_eq!(Micros::from(moment).to_timestamp(), moment);
        assert_eq!(Micros::from(moment).to_string(), "2026-11-29T01:02:03.000004Z");
        assert_eq!(Micros::MAX.to_timestamp(), Timestamp::MAX);
    }
}
