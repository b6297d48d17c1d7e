//! When a refresh token renews a login (RFC 6749, 10.4; RFC 9700, 4.14.2).
//!
//! A token is used once, and its use gives the next one. Two tabs of a browser may send the same token at once, and an answer
//! may be lost, so that a used token is accepted again for the time of grace. Each use gives another token, and nobody knows
//! which of them a browser keeps: it is the one whose answer comes last. Therefore a use also retires the other tokens of the
//! login, as if they had been used in the same moment, except those that are younger than the grace, whose answers may still
//! be on their way.
//!
//! So when a login is renewed, a token that was given out longer than the grace before is accepted for one grace more; after
//! that it ends the login. A browser, which keeps one token, notices nothing of this as long as requests and answers take less
//! than half of the grace each. If a thief and the owner both have a token of a login, each renewal by one of them retires the
//! token of the other, who is found out at the next renewal that comes after the grace.

use std::time::Duration;

use service_kit::Micros;

use super::client_id::ClientId;

/// Clocks of replicas differ by less. A time that lies further ahead was written before the clock was set back.
const MAX_CLOCK_DIFFERENCE: Duration = Duration::from_mins(2);

/// How long logins with refresh tokens last.
#[derive(Debug, Clone, Copy)]
pub struct LoginLifetimes {
    /// From the login, however often it is renewed.
    pub absolute: Duration,
    /// Since the last renewal.
    pub idle: Duration,
    /// How long a token that was replaced may be used again: two tabs of a browser may send the same one, and an answer may
    /// be lost.
    pub grace: Duration,
}

/// Whole seconds until a login ends; the one that has begun counts.
pub fn seconds_until(end: Micros, now: Micros) -> i64 {
    let left = end.duration_since(now);
    i64::try_from(left.as_secs()).unwrap_or(i64::MAX).saturating_add(i64::from(left.subsec_nanos() > 0))
}

/// What a renewal depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenewableLogin {
    pub client: String,
    pub ends_at: Micros,
    pub idle_ends_at: Micros,
    pub is_ended: bool,
    /// Whether the client presents an access token of another login.
    pub is_other_login: bool,
    /// When the presented token was replaced.
    pub consumed_at: Option<Micros>,
}

/// Whether a refresh token renews its login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Renewal {
    Allowed,
    Ended,
    Expired,
    /// The token was given to another client.
    OtherClient,
    /// The access token beside it is not of its login.
    OtherLogin,
    /// The token was replaced too long ago: it was copied, or the answer with its successor was.
    Reused,
}

impl Renewal {
    pub fn judge(login: &RenewableLogin, client: &ClientId, now: Micros, grace: Duration) -> Self {
        if login.is_ended {
            Self::Ended
        } else if login.consumed_at.is_some_and(|at| !is_within_grace(at, now, grace)) {
            Self::Reused
        } else if now >= login.ends_at || now >= login.idle_ends_at {
            Self::Expired
        } else if login.client != client.as_str() {
            Self::OtherClient
        } else if login.is_other_login {
            Self::OtherLogin
        } else {
            Self::Allowed
        }
    }

    /// The word in metrics and the audit log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allowed => "accepted",
            Self::Ended => "ended",
            Self::Expired => "expired",
            Self::OtherClient => "other_client",
            Self::OtherLogin => "other_login",
            Self::Reused => "reused",
        }
    }
}

fn is_within_grace(consumed_at: Micros, now: Micros, grace: Duration) -> bool {
    now.duration_since(consumed_at) <= grace && consumed_at.duration_since(now) <= MAX_CLOCK_DIFFERENCE
}

/// The unused tokens of a login that the use of another one retires, by when they were given out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetiredTokens {
    pub issued_before: Micros,
    /// They are from before the clock was set back.
    pub issued_after: Micros,
}

impl RetiredTokens {
    pub fn from_use_at(now: Micros, grace: Duration) -> Self {
        Self { issued_before: now - grace, issued_after: now + MAX_CLOCK_DIFFERENCE }
    }

    pub fn contains(self, issued_at: Micros) -> bool {
        issued_at < self.issued_before || issued_at > self.issued_after
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRACE: Duration = Duration::from_secs(20);

    fn seconds(n: i64) -> Micros {
        Micros::from_i64(n * 1_000_000)
    }

    fn login() -> RenewableLogin {
        RenewableLogin {
            client: "cli".to_owned(),
            ends_at: seconds(1000),
            idle_ends_at: seconds(500),
            is_ended: false,
            is_other_login: false,
            consumed_at: None,
        }
    }

    #[test]
    fn seconds_are_rounded_up_and_never_negative() {
        for (end, seconds) in [(10_000_000, 10), (9_000_001, 10), (9_000_000, 9), (0, 0), (-5_000_000, 0)] {
            assert_eq!(seconds_until(Micros::from_i64(end), Micros::from_i64(0)), seconds, "{end}");
        }
    }

    #[test]
    fn a_token_renews_its_login_until_one_of_its_ends() {
        let judge = |login: RenewableLogin, client: &str, now: i64| {
            Renewal::judge(&login, &ClientId::parse(client).unwrap(), seconds(now), GRACE)
        };
        assert_eq!(judge(login(), "cli", 499), Renewal::Allowed);
        assert_eq!(judge(login(), "cli", 500), Renewal::Expired);
        assert_eq!(judge(RenewableLogin { idle_ends_at: seconds(2000), ..login() }, "cli", 1000), Renewal::Expired);
        assert_eq!(judge(login(), "other", 1), Renewal::OtherClient);
        assert_eq!(judge(RenewableLogin { is_other_login: true, ..login() }, "cli", 1), Renewal::OtherLogin);
        assert_eq!(judge(RenewableLogin { is_ended: true, ..login() }, "cli", 1), Renewal::Ended);
        let consumed = || RenewableLogin { consumed_at: Some(seconds(100)), ..login() };
        // The clock of another replica may be behind.
        for within in [90, 100, 120] {
            assert_eq!(judge(consumed(), "cli", within), Renewal::Allowed, "{within}");
        }
        assert_eq!(judge(consumed(), "cli", 121), Renewal::Reused);
        assert_eq!(judge(consumed(), "other", 121), Renewal::Reused, "whoever has it");
        assert_eq!(judge(consumed(), "cli", 700), Renewal::Reused);
    }

    #[test]
    fn times_from_before_the_clock_was_set_back_are_not_accepted_for_ever() {
        assert!(is_within_grace(seconds(120), seconds(0), GRACE) && !is_within_grace(seconds(121), seconds(0), GRACE));
        let retired = RetiredTokens::from_use_at(seconds(100), GRACE);
        for (issued_at, is_retired) in [(79, true), (80, false), (100, false), (220, false), (221, true)] {
            assert_eq!(retired.contains(seconds(issued_at)), is_retired, "{issued_at}");
        }
    }
}
