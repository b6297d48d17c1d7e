//! How many bytes are read at once for one client. Every chunk is a call of the pool and wakes a thread, which costs more
//! than reading 32 KiB. So chunks are large for fast clients, and while there are few clients; one of a thousand slow
//! clients must not need much memory.

use std::time::Duration;

/// Bytes for slow clients, and for new ones, while there are many clients.
pub const SMALL_CHUNK: usize = 32 * 1024;
/// Bytes for all others.
pub const LARGE_CHUNK: usize = 512 * 1024;
/// This many clients get large chunks whatever their speed: 32 MiB together.
const FEW_TRANSFERS: usize = 64;
/// The kernel buffers some megabytes for every client; the speed of a client shows only after that.
const TRIAL_BYTES: u64 = 8 << 20;
/// Bytes per second of a fast client.
const FAST_BYTES_PER_SECOND: u64 = 8 << 20;

/// The size of the next chunk of a transfer that sent `sent` bytes within `elapsed`, while `transfers` are open.
pub fn choose_chunk_size(sent: u64, elapsed: Duration, transfers: usize) -> usize {
    let millis = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX).max(1);
    let is_fast = sent >= TRIAL_BYTES && sent.saturating_mul(1000) / millis >= FAST_BYTES_PER_SECOND;
    if transfers <= FEW_TRANSFERS || is_fast { LARGE_CHUNK } else { SMALL_CHUNK }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_clients_only_fast_ones_get_large_chunks() {
        let among_many = |sent, elapsed| choose_chunk_size(sent, elapsed, FEW_TRANSFERS + 1);
        assert_eq!(among_many(0, Duration::ZERO), SMALL_CHUNK);
        assert_eq!(among_many(TRIAL_BYTES - 1, Duration::from_millis(1)), SMALL_CHUNK);
        assert_eq!(among_many(TRIAL_BYTES, Duration::from_millis(1)), LARGE_CHUNK);
        assert_eq!(
            among_many(TRIAL_BYTES, Duration::from_secs(2)),
            SMALL_CHUNK,
            "the first megabytes count for little later"
        );
        assert_eq!(among_many(u64::MAX, Duration::from_secs(100)), LARGE_CHUNK);
    }

    #[test]
    fn few_clients_get_large_chunks() {
        assert_eq!(choose_chunk_size(0, Duration::ZERO, FEW_TRANSFERS), LARGE_CHUNK);
        assert_eq!(choose_chunk_size(TRIAL_BYTES, Duration::from_hours(1), 1), LARGE_CHUNK);
    }
}
