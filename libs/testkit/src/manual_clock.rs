//! A clock that tests set.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use service_kit::{Clock, Micros};

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    pub fn starting_at(moment: Micros) -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(moment.as_i64())))
    }

    /// Moves the clock forward (or back) by whole seconds.
    pub fn advance_seconds(&self, seconds: i64) {
        self.0.fetch_add(seconds * 1_000_000, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> jiff::Timestamp {
        Micros::from_i64(self.0.load(Ordering::SeqCst)).to_timestamp()
    }
}
