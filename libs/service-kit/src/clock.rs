//! Time as an argument: handlers and stores ask a [`Clock`], so that tests can set it.

use std::fmt::Debug;

use database::Micros;
use jiff::Timestamp;

/// Where a service takes the time from.
pub trait Clock: Debug + Send + Sync {
    /// The present moment, in UTC.
    fn now(&self) -> Timestamp;

    /// The present moment as databases keep it.
    fn now_as_micros(&self) -> Micros {
        self.now().into()
    }

    /// Microseconds since 1970-01-01 UTC: how times stand in the database.
    fn now_micros(&self) -> i64 {
        self.now().as_microsecond()
    }
}

/// The clock of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}
