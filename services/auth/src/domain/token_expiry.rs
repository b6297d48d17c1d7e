//! When a token expires. The moment is decided once: it is in the token, in the row of its login and in the list of ended logins.

use std::time::Duration;

use jiff::Timestamp;

/// When a token that is signed now expires, in whole seconds: after its lifetime, but not after the session behind it. `None` if
/// that is over.
pub fn find_token_expiry(now: Timestamp, lifetime: Duration, session_ends_at: Timestamp) -> Option<Timestamp> {
    let now = now.as_second();
    let after_lifetime = now.saturating_add(i64::try_from(lifetime.as_secs()).unwrap_or(i64::MAX));
    let expires_at = after_lifetime.min(session_ends_at.as_second());
    if expires_at > now { Timestamp::from_second(expires_at).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_expires_in_a_whole_second_and_not_after_its_session() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let now = at("2026-01-12T09:00:00.9Z");
        let expiry = |session: &str| find_token_expiry(now, Duration::from_mins(10), at(session));
        assert_eq!(expiry("2026-01-12T11:00:00Z"), Some(at("2026-01-12T09:10:00Z")));
        assert_eq!(expiry("2026-01-12T09:01:00.5Z"), Some(at("2026-01-12T09:01:00Z")));
        assert_eq!((expiry("2026-01-12T09:00:00.95Z"), expiry("2026-01-12T08:00:00Z")), (None, None));
    }
}
