//! How much is read at a time for one client. A client that takes its bytes slowly must not hold much memory, because
//! there may be a thousand of them; one that is fast gets pieces large enough that the calls do not count.

use std::time::Duration;

/// For clients of whom nothing is known yet, and for slow ones.
pub const SMALL: usize = 32 * 1024;
/// For fast ones.
pub const LARGE: usize = 256 * 1024;
/// The kernel takes some megabytes at once from the fastest and the slowest alike: before that nothing can be told.
const TRIAL: u64 = 8 << 20;
/// Bytes per second of a fast client.
const FAST: u64 = 8 << 20;

/// The size of the next piece after `sent` bytes within `elapsed`.
pub fn piece(sent: u64, elapsed: Duration) -> usize {
    let millis = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX).max(1);
    if sent >= TRIAL && sent.saturating_mul(1000) / millis >= FAST { LARGE } else { SMALL }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_clients_who_have_shown_that_they_are_fast_get_large_pieces() {
        assert_eq!(piece(0, Duration::ZERO), SMALL);
        assert_eq!(piece(TRIAL - 1, Duration::from_millis(1)), SMALL);
        assert_eq!(piece(TRIAL, Duration::from_millis(1)), LARGE);
        assert_eq!(
            piece(TRIAL, Duration::from_secs(2)),
            SMALL,
            "what the kernel took at first counts for little later"
        );
        assert_eq!(piece(u64::MAX, Duration::from_secs(100)), LARGE);
    }
}
