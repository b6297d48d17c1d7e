//! The time, through a trait so that tests can set it.

use std::fmt::Debug;

use database::Micros;
use jiff::Timestamp;

/// A source of the time.
pub trait Clock: Debug + Send + Sync {
    /// The present moment, in UTC.
    fn now(&self) -> Timestamp;

    /// The present moment as databases keep it.
    fn now_micros(&self) -> Micros {
        self.now().into()
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
