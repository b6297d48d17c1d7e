//! How many logins may fail one after the other: the generic cell rate algorithm (ITU-T I.371), whose state is one time. Attempts that
//! turn out right are given back, so that only failures count.

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

impl AttemptLimit {
    /// Takes one attempt; the time until the next one is free if there is none.
    pub fn spend(&self, spent: SpentAttempts, now: Micros) -> Result<SpentAttempts, Duration> {
        if self.burst == 0 {
            return Ok(spent);
        }
        let after = spent.0.max(now) + self.interval;
        let allowed_until = now + self.interval * self.burst;
        match u64::try_from(after.as_i64().saturating_sub(allowed_until.as_i64())) {
            Ok(0) | Err(_) => Ok(SpentAttempts(after)),
            Ok(wait) => Err(Duration::from_micros(wait)),
        }
    }

    /// Returns an attempt that was no failure.
    pub fn give_back(&self, spent: SpentAttempts) -> SpentAttempts {
        if self.burst == 0 { spent } else { SpentAttempts(spent.0 - self.interval) }
    }

    /// How long failures are remembered at most.
    pub fn memory(&self) -> Duration {
        self.interval * self.burst
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: AttemptLimit = AttemptLimit { burst: 3, interval: Duration::from_secs(10) };
    const START: Micros = Micros::from_i64(1_768_208_400_000_000);

    #[test]
    fn after_a_burst_of_failures_one_attempt_is_free_in_each_interval() {
        let mut spent = SpentAttempts::default();
        for _ in 0..3 {
            spent = LIMIT.spend(spent, START).unwrap();
        }
        assert_eq!(LIMIT.spend(spent, START), Err(Duration::from_secs(10)));
        assert_eq!(LIMIT.spend(spent, START + Duration::from_secs(4)), Err(Duration::from_secs(6)));
        let later = START + Duration::from_secs(10);
        spent = LIMIT.spend(spent, later).unwrap();
        assert_eq!(LIMIT.spend(spent, later), Err(Duration::from_secs(10)));
        // All is forgotten after the time of the burst.
        let much_later = later + LIMIT.memory();
        for _ in 0..3 {
            spent = LIMIT.spend(spent, much_later).unwrap();
        }
        assert!(LIMIT.spend(spent, much_later).is_err());
    }

    #[test]
    fn an_attempt_that_was_right_does_not_count() {
        let mut spent = SpentAttempts::default();
        for _ in 0..100 {
            spent = LIMIT.give_back(LIMIT.spend(spent, START).unwrap());
        }
        for _ in 0..3 {
            spent = LIMIT.spend(spent, START).unwrap();
        }
        assert!(LIMIT.spend(spent, START).is_err());
    }

    #[test]
    fn without_a_limit_nothing_is_counted() {
        let none = AttemptLimit { burst: 0, ..LIMIT };
        let spent = none.spend(SpentAttempts::default(), START).unwrap();
        assert_eq!((none.give_back(spent), spent), (SpentAttempts::default(), SpentAttempts::default()));
    }
}
