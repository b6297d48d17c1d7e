//! The time limit of a search.

use std::time::{Duration, Instant};

use thiserror::Error;

/// When a search must have ended.
#[derive(Debug, Clone, Copy)]
pub struct Deadline {
    end: Instant,
    limit: Duration,
}

/// The text by which portals recognise it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("Search cancelled for exceeding {} seconds", .0.as_secs_f32())]
pub struct TimedOut(pub Duration);

impl Deadline {
    pub fn after(limit: Duration) -> Self {
        Self { end: Instant::now() + limit, limit }
    }

    /// For work without a time limit.
    pub fn never() -> Self {
        Self::after(Duration::from_hours(1_000_000))
    }

    /// The time until then.
    pub fn remaining(&self) -> Duration {
        self.end.saturating_duration_since(Instant::now())
    }

    /// Says that it has passed, as others have found out.
    pub fn passed(&self) -> TimedOut {
        TimedOut(self.limit)
    }

    pub fn check(&self) -> Result<(), TimedOut> {
        if Instant::now() < self.end { Ok(()) } else { Err(TimedOut(self.limit)) }
    }
}
