//! How much is read at a time for one client. Every piece is a call of the pool and wakes a thread, which costs more than
//! reading 32 KiB does; so pieces are large while the clients are few, and for those who are fast. One of a thousand slow
//! clients must not hold much memory.

use std::time::Duration;

/// For clients of whom nothing is known yet, and for slow ones where there are many.
pub const SMALL_CHUNK: usize = 32 * 1024;
/// For the rest.
pub const LARGE_CHUNK: usize = 512 * 1024;
/// So many may have large pieces whatever their chunk_size: 32 MiB together.
const FEW_TRANSFERS: usize = 64;
/// The kernel takes some megabytes at once from the fastest and the slowest alike: before that nothing can be told.
const TRIAL_BYTES: u64 = 8 << 20;
/// Bytes per second of a fast client.
const FAST_BYTES_PER_SECOND: u64 = 8 << 20;

/// The size of the next piece after `sent` bytes within `elapsed`, as one of so many `transfers`.
pub fn choose_chunk_size(sent: u64, elapsed: Duration, transfers: usize) -> usize {
    let millis = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX).max(1);
    let is_fast = sent >= TRIAL_BYTES && sent.saturating_mul(1000) / millis >= FAST_BYTES_PER_SECOND;
    if transfers <= FEW_TRANSFERS || is_fast { LARGE_CHUNK } else { SMALL_CHUNK }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn among_many_only_clients_who_have_shown_that_they_are_fast_get_large_pieces() {
        let among_many = |sent, elapsed| choose_chunk_size(sent, elapsed, FEW_TRANSFERS + 1);
        assert_eq!(among_many(0, Duration::ZERO), SMALL_CHUNK);
        assert_eq!(among_many(TRIAL_BYTES - 1, Duration::from_millis(1)), SMALL_CHUNK);
        assert_eq!(among_many(TRIAL_BYTES, Duration::from_millis(1)), LARGE_CHUNK);
        assert_eq!(
            among_many(TRIAL_BYTES, Duration::from_secs(2)),
            SMALL_CHUNK,
            "what the kernel took at first counts for little later"
        );
        assert_eq!(among_many(u64::MAX, Duration::from_secs(100)), LARGE_CHUNK);
    }

    #[test]
    fn few_clients_get_large_pieces_whatever_their_pace() {
        assert_eq!(choose_chunk_size(0, Duration::ZERO, FEW_TRANSFERS), LARGE_CHUNK);
        assert_eq!(choose_chunk_size(TRIAL_BYTES, Duration::from_hours(1), 1), LARGE_CHUNK);
    }
}
