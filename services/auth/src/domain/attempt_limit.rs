//! How many logins may fail one after the other: the generic cell rate algorithm (ITU-T I.371), whose state is one time. Logins that
//! failed at the same time may be more than the limit; whoever sent them waits for longer.

use std::time::Duration;

use service_kit::Micros;

/// So many failures at once, and one more after each interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttemptLimit {
    /// 0: no limit.
    pub burst: u32,
    pub interval: Duration,
}

/// The moment at which all failures are forgotten.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SpentAttempts(Micros);

impl SpentAttempts {
    /// Whether it is as if no login had failed.
    pub fn is_forgotten(self, now: Micros) -> bool {
        self.0 <= now
    }
}

impl AttemptLimit {
    /// Whether one more login may fail; the time until it may if not.
    pub fn check_attempt(&self, spent: SpentAttempts, now: Micros) -> Result<(), Duration> {
        let (after, limit) = (self.add_failure(spent, now).0, now + self.interval * self.burst);
        let wait = if after > limit { after.duration_since(limit) } else { Duration::ZERO };
        if self.burst == 0 || wait.is_zero() { Ok(()) } else { Err(wait) }
    }

    /// One more failure.
    pub fn add_failure(&self, spent: SpentAttempts, now: Micros) -> SpentAttempts {
        SpentAttempts(spent.0.max(now) + self.interval)
    }

    /// How long failures are remembered at most.
    pub fn time_to_forget(&self) -> Duration {
        self.interval * self.burst
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: AttemptLimit = AttemptLimit { burst: 3, interval: Duration::from_secs(10) };
    const START: Micros = Micros::from_i64(1_768_208_400_000_000);

    fn fail(times: usize, mut spent: SpentAttempts, now: Micros) -> SpentAttempts {
        for _ in 0..times {
            spent = LIMIT.add_failure(spent, now);
        }
        spent
    }

    #[test]
    fn after_a_burst_of_failures_one_more_is_free_in_each_interval() {
        let seconds = Duration::from_secs;
        let spent = fail(2, SpentAttempts::default(), START);
        assert_eq!(LIMIT.check_attempt(spent, START), Ok(()));
        let spent = fail(1, spent, START);
        assert_eq!(LIMIT.check_attempt(spent, START), Err(seconds(10)));
        assert_eq!(LIMIT.check_attempt(spent, START + seconds(4)), Err(seconds(6)));
        let later = START + seconds(10);
        assert_eq!(LIMIT.check_attempt(spent, later), Ok(()));
        assert!(!spent.is_forgotten(later) && spent.is_forgotten(START + seconds(30)));
        let spent = fail(1, spent, later);
        assert_eq!(LIMIT.check_attempt(spent, later), Err(seconds(10)));
        // All is forgotten after the time of the burst.
        let much_later = later + LIMIT.time_to_forget();
        assert_eq!(LIMIT.check_attempt(fail(2, spent, much_later), much_later), Ok(()));
    }

    #[test]
    fn failures_beyond_the_limit_must_be_waited_for() {
        let spent = fail(8, SpentAttempts::default(), START);
        assert_eq!(LIMIT.check_attempt(spent, START), Err(Duration::from_mins(1)));
    }

    #[test]
    fn without_a_limit_every_login_may_fail() {
        let none = AttemptLimit { burst: 0, ..LIMIT };
        assert_eq!(none.check_attempt(fail(100, SpentAttempts::default(), START), START), Ok(()));
    }
}
