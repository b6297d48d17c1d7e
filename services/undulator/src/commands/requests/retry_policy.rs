//! When to retry: after the time that the server sends, or after growing pauses; and when to give up.

use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};
use tokio::time::Instant;

use super::error::RequestError;

const MIN_PAUSE: Duration = Duration::from_millis(200);
const MAX_PAUSE: Duration = Duration::from_secs(15);

/// The retries of one transfer. Every received byte resets it.
pub struct RetryPolicy {
    limit: Duration,
    since: Instant,
    pauses: ExponentialBackoff,
}

impl RetryPolicy {
    pub fn new(limit: Duration) -> Self {
        Self { limit, since: Instant::now(), pauses: build_backoff() }
    }

    /// Starts over after bytes were received.
    pub fn reset(&mut self) {
        self.since = Instant::now();
        self.pauses = build_backoff();
    }

    /// Waits before the next attempt; the error if no other attempt makes sense.
    pub async fn wait_or_give_up(&mut self, error: RequestError, note: impl FnOnce(&str)) -> Result<(), RequestError> {
        let (text, pause) = self.next_pause(error, self.since.elapsed())?;
        note(&format!("{text}; retrying in {:.1} s", pause.as_secs_f64()));
        tokio::time::sleep(pause).await;
        Ok(())
    }

    /// The next pause, if nothing was received for this long.
    fn next_pause(&mut self, error: RequestError, silence: Duration) -> Result<(String, Duration), RequestError> {
        let RequestError::Temporary { text, retry_after } = error else { return Err(error) };
        let left = self.limit.saturating_sub(silence);
        if left.is_zero() {
            let limit = humantime::format_duration(self.limit);
            let text = format!("{text}; gave up after {limit}. Run the same command again");
            return Err(RequestError::Failed(text));
        }
        Ok((text, retry_after.or_else(|| self.pauses.next()).unwrap_or(MAX_PAUSE).min(left)))
    }
}

fn build_backoff() -> ExponentialBackoff {
    ExponentialBuilder::default()
        .with_min_delay(MIN_PAUSE)
        .with_max_delay(MAX_PAUSE)
        .without_max_times()
        .with_jitter()
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn retry_after_of_the_server_counts_up_to_the_limit() {
        let mut retry_policy = RetryPolicy::new(Duration::from_mins(1));
        let busy = || RequestError::Temporary { text: "busy".to_owned(), retry_after: Some(50 * SECOND) };
        assert_eq!(retry_policy.next_pause(busy(), Duration::ZERO).unwrap().1, 50 * SECOND);
        assert_eq!(retry_policy.next_pause(busy(), 50 * SECOND).unwrap().1, 10 * SECOND, "cut to what is left");
        assert!(matches!(retry_policy.next_pause(busy(), Duration::from_mins(1)), Err(RequestError::Failed(_))));
    }

    #[test]
    fn pauses_grow_to_a_limit_and_other_errors_are_final() {
        let mut retry_policy = RetryPolicy::new(Duration::from_hours(1));
        let mut pause = || retry_policy.next_pause(RequestError::temporary("broken"), SECOND).unwrap().1;
        let pauses: Vec<Duration> = (0..20).map(|_| pause()).collect();
        assert!(pauses[0] < SECOND && pauses[19] >= MAX_PAUSE && pauses[19] <= 2 * MAX_PAUSE, "{pauses:?}");
        let changed = RequestError::Changed("c".to_owned());
        assert_eq!(retry_policy.next_pause(changed.clone(), SECOND), Err(changed));
    }
}
