//! A session at ICAT.

use jiff::{SignedDuration, Timestamp};

/// A session at ICAT. Its id is a credential: it is neither shown nor logged.
pub struct IcatSession {
    pub id: String,
    /// With the mechanism: `db/alice`.
    pub user_name: String,
    pub ends_at: Timestamp,
}

/// The end of a session; `None` if it lies beyond all valid times.
pub fn session_end(now: Timestamp, remaining_minutes: f64) -> Option<Timestamp> {
    let span = SignedDuration::try_from_secs_f64(remaining_minutes * 60.0).ok()?;
    now.checked_add(span).ok()
}
