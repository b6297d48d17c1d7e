//! When to try again: after what the server says, else after pauses that grow; and when to give up.

use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};
use tokio::time::Instant;

use super::error::GetError;

const SHORTEST: Duration = Duration::from_millis(200);
const LONGEST: Duration = Duration::from_secs(15);

/// Of one transfer; every byte that comes makes it whole again.
pub struct Patience {
    limit: Duration,
    since: Instant,
    pauses: ExponentialBackoff,
}

impl Patience {
    pub fn new(limit: Duration) -> Self {
        Self { limit, since: Instant::now(), pauses: pauses() }
    }

    /// Something came.
    pub fn restore(&mut self) {
        self.since = Instant::now();
        self.pauses = pauses();
    }

    /// Waits if it makes sense to try again; the error if it does not.
    pub async fn wait(&mut self, error: GetError, note: impl FnOnce(&str)) -> Result<(), GetError> {
        let (text, pause) = self.pause(error, self.since.elapsed())?;
        note(&format!("{text}; trying again in {:.1} s", pause.as_secs_f64()));
        tokio::time::sleep(pause).await;
        Ok(())
    }

    /// How long to wait after so much silence.
    fn pause(&mut self, error: GetError, silence: Duration) -> Result<(String, Duration), GetError> {
        let GetError::Passing { text, after } = error else { return Err(error) };
        let left = self.limit.saturating_sub(silence);
        if left.is_zero() {
            let limit = humantime::format_duration(self.limit);
            let text = format!("{text}; given up after {limit}. Run the same command again: it goes on where it is");
            return Err(GetError::Failed(text));
        }
        Ok((text, after.or_else(|| self.pauses.next()).unwrap_or(LONGEST).min(left)))
    }
}

fn pauses() -> ExponentialBackoff {
    ExponentialBuilder::default()
        .with_min_delay(SHORTEST)
        .with_max_delay(LONGEST)
        .without_max_times()
        .with_jitter()
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn what_the_server_says_counts_and_silence_ends_it() {
        let mut patience = Patience::new(Duration::from_mins(1));
        let busy = || GetError::Passing { text: "busy".to_owned(), after: Some(50 * SECOND) };
        assert_eq!(patience.pause(busy(), Duration::ZERO).unwrap().1, 50 * SECOND);
        assert_eq!(patience.pause(busy(), 50 * SECOND).unwrap().1, 10 * SECOND, "cut to what is left");
        assert!(matches!(patience.pause(busy(), Duration::from_mins(1)), Err(GetError::Failed(_))));
    }

    #[test]
    fn pauses_grow_to_a_bound_and_other_errors_do_not_wait() {
        let mut patience = Patience::new(Duration::from_hours(1));
        let mut pause = || patience.pause(GetError::passing("broken"), SECOND).unwrap().1;
        let pauses: Vec<Duration> = (0..20).map(|_| pause()).collect();
        assert!(pauses[0] < SECOND && pauses[19] >= LONGEST && pauses[19] <= 2 * LONGEST, "{pauses:?}");
        let changed = GetError::Changed("c".to_owned());
        assert_eq!(patience.pause(changed.clone(), SECOND), Err(changed));
    }
}
